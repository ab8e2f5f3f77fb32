"""A GGUF file turned, once, into a folder of safetensors that loads fast in the wanted precision."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import gguf
import transformers
from transformers import AutoModelForCausalLM

from bot.engine.checkpoint.converted import make_converted
from bot.engine.checkpoint.source import LOCAL_ONLY
from bot.engine.model_loader.quantization import Precision, check_quantised, dtype_of, quantisation_config
from bot.engine.tokenizer.files import read_packed_tokenizer, write_tokenizer

Progress = Callable[[str], None]


def convert_gguf(
    file: Path, fingerprint: str, precision: Precision, device: str, models: Path, progress: Progress
) -> Path:
    """The copy's folder among `models`, made now unless it is there. Progress bars must be off."""
    dtype = dtype_of(precision, device)
    origin: dict[str, Any] = {"gguf_file": file.name, **LOCAL_ONLY}

    def write(folder: Path) -> None:
        progress("reading the tokenizer of the base model (once)")
        write_tokenizer(folder, read_packed_tokenizer(file))
        progress("converting the base model (once)")
        plain = transformers.GgufConfig(dequantize=True)
        AutoModelForCausalLM.from_pretrained(
            file.parent, dtype=dtype, quantization_config=plain, **origin
        ).save_pretrained(folder)
        if how := quantisation_config(precision, dtype):
            progress("quantising the base model (once)")
            small = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, quantization_config=how, device_map={"": device}, **LOCAL_ONLY
            )
            check_quantised(small, precision)
            small.save_pretrained(folder)  # before any use: nf4 layers that were used once are saved wrongly

    with _read_once():
        return make_converted(models, fingerprint, precision, write)


@contextmanager
def _read_once() -> Iterator[None]:
    """Keep what transformers asks of a GGUF file, for as long as the context lasts.

    It reads the file three times, and makes the map of tensor names anew for each tensor; this way the
    default model's conversion takes 8 seconds instead of 18.
    """
    plain = {name: getattr(gguf, name) for name in ("GGUFReader", "get_tensor_name_map")}
    for name, function in plain.items():
        setattr(gguf, name, lru_cache(maxsize=2)(function))
    try:
        yield
    finally:
        for name, function in plain.items():
            setattr(gguf, name, function)
