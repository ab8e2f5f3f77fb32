"""Conversion of a GGUF file, once, into a safetensors folder that loads fast in the chosen precision."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM

from bot.engine.checkpoint.converted import make_converted
from bot.engine.checkpoint.damage import explain_damage
from bot.engine.checkpoint.source import WEIGHTS_ONLY
from bot.engine.checkpoint.weight_files import refuse_adapter
from bot.engine.model_loader.gguf_compat import cached_reads
from bot.engine.model_loader.quantization import Precision, check_quantised, dtype_of, quantisation_config
from bot.engine.model_loader.weight_check import check_complete
from bot.engine.tokenizer.files import read_packed_tokenizer, write_tokenizer
from bot.errors import UserError
from bot.untrusted import RefusedFile

Progress = Callable[[str], None]  # gets the stage of loading, in a few words


def convert_gguf(
    file: Path, fingerprint: str, precision: Precision, device: str, models: Path, progress: Progress
) -> Path:
    """Return the converted copy's folder among `models`, written now unless it exists.

    Progress bars of the model libraries must be off. Raises `UserError` where an adapter lies beside the
    file: transformers would load that with it.
    """
    _refuse_adapter_beside(file)
    dtype = dtype_of(precision, device)

    def write(folder: Path) -> None:
        progress("reading the tokenizer of the base model (once)")
        write_tokenizer(folder, read_packed_tokenizer(file))
        progress("converting the base model (once)")
        _write_plain(file, folder, dtype)
        if config := quantisation_config(precision, dtype):
            progress("quantising the base model (once)")
            _write_quantised(folder, dtype, config, device, precision)

    with cached_reads():
        return make_converted(models, fingerprint, precision, write)


def _refuse_adapter_beside(file: Path) -> None:
    try:
        refuse_adapter(file.parent)
    except RefusedFile as refusal:
        raise UserError(f"{file} cannot be loaded: {refusal.reason}; {refusal.remedy}.") from None


def _write_plain(file: Path, folder: Path, dtype: torch.dtype) -> None:
    origin: dict[str, Any] = {"gguf_file": file.name, **WEIGHTS_ONLY}
    dequantise = transformers.GgufConfig(dequantize=True)
    try:
        model, loaded = AutoModelForCausalLM.from_pretrained(
            file.parent, dtype=dtype, quantization_config=dequantise, output_loading_info=True, **origin
        )
    except (RuntimeError, MemoryError, OSError):  # of the device or the disk, which the caller explains
        raise
    except Exception as error:
        raise explain_damage(str(file), error) from error
    check_complete(loaded, file)
    model.save_pretrained(folder)


def _write_quantised(
    folder: Path, dtype: torch.dtype, config: Any, device: str, precision: Precision
) -> None:
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, quantization_config=config, device_map={"": device}, **WEIGHTS_ONLY
    )
    check_quantised(model, precision)
    model.save_pretrained(folder)  # before any use: nf4 layers that were used once are saved wrongly
