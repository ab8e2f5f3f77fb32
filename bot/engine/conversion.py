"""A GGUF file turned, once, into a folder of safetensors that loads fast in the wanted precision."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.engine.copies import make_copy
from bot.engine.precision import Precision, check_quantised, dtype_of, quantised
from bot.engine.source import LOCAL
from bot.engine.tokenizer_files import wrap_tokenizer, write_tokenizer

Progress = Callable[[str], None]


def convert(
    file: Path, fingerprint: str, precision: Precision, device: str, models: Path, progress: Progress
) -> Path:
    """The copy's folder among `models`, made now unless it is there. Progress bars must be off."""
    dtype = dtype_of(precision, device)
    origin: dict[str, Any] = {"gguf_file": file.name, **LOCAL}

    def write(folder: Path) -> None:
        progress("reading the tokenizer of the base model (once)")
        write_tokenizer(folder, wrap_tokenizer(AutoTokenizer.from_pretrained(file.parent, **origin)))
        progress("converting the base model (once)")
        plain = transformers.GgufConfig(dequantize=True)
        AutoModelForCausalLM.from_pretrained(
            file.parent, dtype=dtype, quantization_config=plain, **origin
        ).save_pretrained(folder)
        if how := quantised(precision, dtype):
            progress("quantising the base model (once)")
            small = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, quantization_config=how, device_map={"": device}, **LOCAL
            )
            check_quantised(small, precision)
            small.save_pretrained(folder)  # before any use: nf4 layers that were used once are saved wrongly

    return make_copy(models, fingerprint, precision, write)
