"""Copies of the base model's own tensors in an adapter's file, compared with the base model and left out."""

from collections.abc import Iterable

import numpy as np

from bot.engine.checkpoint.base_tensor import BaseTensor, find_tensor
from bot.engine.checkpoint.source import ModelSource
from bot.engine.checkpoint.stored_numbers import read_numbers
from bot.engine.lora.module_names import without_wrappers
from bot.engine.lora.refusals import MERGE
from bot.engine.lora.tensor_header import FLOATS, StoredTensor
from bot.engine.lora.tensor_names import LayerCopy
from bot.untrusted import RefusedFile

CHUNK_BYTES = 4 << 20
_HEADS, _TABLES = ("lm_head", "embed_out"), ("embed_tokens", "wte", "embed_in", "word_embeddings")
_ROUNDING = 2.0**-7  # of a number, where the base model or its copy was stored in bfloat16
_TINY = 1e-7  # what float16 rounds away
_QUANTISED = 0.35  # of all numbers' norm: what the coarsest GGUF quantisation moves


class CopyCheck:
    """The comparison of one copy with the base model, chunk by chunk.

    `is_comparable` is False where the base model has no such tensor as plain numbers, or the copy is
    quantised. A frozen copy is then left out unread, as it was never trained; any other one is refused.
    """

    def __init__(self, copy: LayerCopy, source: ModelSource | None) -> None:
        """Raises `RefusedFile` where the shape tells that the copy is another one."""
        self._copy, self._row = copy, 0
        self._moved = self._total = 0.0
        comparable = source is not None and source.path is not None and copy.tensor.dtype in FLOATS
        self._base = _base_tensor(copy.layer, source) if comparable and source else None
        self.is_comparable = self._base is not None
        if self._base is not None and self._base.shape != copy.tensor.shape:
            raise _resized(copy, self._base)
        if self._base is None and not copy.is_frozen:
            raise _different(copy)

    @property
    def chunk_bytes(self) -> int:
        """The bytes of a chunk: whole rows, one at least."""
        row = max(1, _row_bytes(self._copy.tensor))
        return max(row, CHUNK_BYTES // row * row)

    def compare(self, content: bytes) -> None:
        """Compare the next rows; raises `RefusedFile` where they differ by more than rounding."""
        if self._base is None:
            return
        rows = len(content) // max(1, _row_bytes(self._copy.tensor))
        ours = self._base.read_rows(self._row, self._row + rows)
        theirs = read_numbers(content, self._copy.tensor.dtype)
        self._row += rows
        with np.errstate(over="ignore", invalid="ignore"):
            moved = np.abs(ours - theirs)
        if not self._base.is_rounded:
            if not bool((moved <= _ROUNDING * np.abs(ours) + _TINY).all()):
                raise _different(self._copy)
            return
        self._moved += float(np.dot(moved, moved))
        self._total += float(np.dot(ours, ours))

    def finish(self) -> None:
        """Compare what only all rows together tell; raises `RefusedFile`."""
        if self._base is not None and not self._moved <= _QUANTISED**2 * self._total:
            raise _different(self._copy)


def _base_tensor(layer: str, source: ModelSource) -> BaseTensor | None:
    """Find the base model's own tensor of a layer: of a head without one, the table that it shares."""
    module, _, kind = layer.rpartition(".")
    last = module.rpartition(".")[2]
    tables = ("token_embd.weight",) if kind == "weight" else ()
    if last in _HEADS:
        found = _find(source, [layer], ("output.weight",) if kind == "weight" else ())
        return found or _find(source, [f"{name}.{kind}" for name in _TABLES], tables)
    return _find(source, [layer], tables if last in _TABLES else ())


def _find(source: ModelSource, layers: Iterable[str], gguf_names: tuple[str, ...]) -> BaseTensor | None:
    keys = {without_wrappers(layer, 2) for layer in layers}
    return find_tensor(source, lambda name: without_wrappers(name, 2) in keys, gguf_names)


def _row_bytes(tensor: StoredTensor) -> int:
    return (tensor.end - tensor.start) // max(1, tensor.shape[0] if tensor.shape else 1)


def _resized(copy: LayerCopy, base: BaseTensor) -> RefusedFile:
    """Return the refusal of a copy of another shape: most have more rows, for tokens that were added."""
    name, theirs = copy.layer.removesuffix(".weight"), copy.tensor.shape
    if len(theirs) == len(base.shape) and theirs[1:] == base.shape[1:]:
        return RefusedFile(
            f"its {name} has {theirs[0]:,} rows and the base model's has {base.shape[0]:,}: it was trained "
            "with another vocabulary",
            MERGE,
        )
    return _different(copy)


def _different(copy: LayerCopy) -> RefusedFile:
    name = copy.layer.removesuffix(".weight")
    if copy.is_frozen:
        return RefusedFile(
            f"its copy of the base model's {name} is not that of the running base model",
            f"set [model] name to the model that it was trained on, or {MERGE}",
        )
    return RefusedFile(
        "it holds a tensor that is not half of a LoRA matrix pair",
        f"whole layers and embeddings are not served, and its {name} is not the base model's: {MERGE}",
    )
