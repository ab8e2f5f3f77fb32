"""Fingerprint of a base model's norms, which all its copies share: in every precision and as GGUF."""

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.header import damaged_gguf, read_gguf_header
from bot.engine.checkpoint.gguf.tensors import plain_numbers, view_tensor
from bot.engine.checkpoint.source import ModelSource
from bot.engine.checkpoint.stored_numbers import NUMBERS, Values, read_numbers
from bot.errors import UserError

GRID = 2.0**-8  # weights are rounded to multiples of it
_OFFSET = GRID / 3  # no short binary fraction is near a border of the grid, where noise could move it
_ADDED = ("gemma", "gemma2", "gemma3")  # architectures whose GGUF files hold a norm's weight plus one

# of files that were cut or changed
_DAMAGE = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OSError,
    OverflowError,
    RecursionError,
)


@lru_cache(maxsize=4)
def norm_fingerprint(source: ModelSource) -> str:
    """Return a SHA-256 over a model's norm weights, which quantising leaves as they are; "" without norms.

    The fingerprint is the same for copies of one model, and also for models tuned from it by LoRA alone: it
    says that two files may hold the same model, and the model's name must say the rest. Raises `UserError`
    for damaged files.
    """
    assert source.path is not None
    norms = _gguf_norms(source.path) if source.kind == "gguf" else _safetensors_norms(source.path)
    try:
        with np.errstate(invalid="ignore"):  # NaN and infinity have a fingerprint, too
            digests = sorted(hashlib.sha256(_rounded(values)).digest() for values in norms)
    except _DAMAGE as error:
        raise UserError(
            f"The weights in {source.path} cannot be read ({type(error).__name__}): copy the model again."
        ) from error
    return hashlib.sha256(b"".join(digests)).hexdigest() if digests else ""


def _rounded(values: Values) -> bytes:
    return np.floor((values.astype(np.float64) + _OFFSET) / GRID).astype("<i4").tobytes()


def _is_norm(name: str, shape: list[int]) -> bool:
    return len(shape) == 1 and name.endswith(".weight") and "rope" not in name


def _gguf_norms(file: Path) -> Iterator[Values]:
    header = read_gguf_header(file)
    try:
        added = 1.0 if header.metadata.get_text("general.architecture") in _ADDED else 0.0
    except BrokenGguf as error:
        raise damaged_gguf(file, error) from None
    for entry in header.tensors.values():
        if entry.type.name in ("F32", "F16") and _is_norm(entry.name, list(entry.shape)):
            data = view_tensor(header.content, entry)
            yield plain_numbers(data, entry.type.name) - np.float32(added)


def _safetensors_norms(folder: Path) -> Iterator[Values]:
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > path.stat().st_size:
                raise ValueError("the header is longer than the file")
            for name, entry in json.loads(file.read(size)).items():
                if _is_norm(name, entry.get("shape", [])) and entry["dtype"] in NUMBERS:
                    start, end = entry["data_offsets"]
                    file.seek(8 + size + start)
                    yield read_numbers(file.read(end - start), entry["dtype"])
