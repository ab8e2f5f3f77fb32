"""Weights of a model as several safetensors files with their index, written one file at a time."""

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from bot.engine.checkpoint.weight_files import INDEX, WEIGHTS
from bot.files import write_private
from training.store.indented_json import encode_indented


class TensorShards:
    """Writes tensors into files of at most `limit` bytes each, of which one is held in memory."""

    def __init__(self, folder: Path, limit: int, advance: Callable[[int], None]) -> None:
        """`advance` gets the bytes of each tensor."""
        self._folder, self._limit, self._advance = folder, limit, advance
        self._waiting, self._size = dict[str, Tensor](), 0
        self._files = list[tuple[str, ...]]()
        self.total = 0  # bytes of all tensors

    def add(self, name: str, tensor: Tensor) -> None:
        """Take a tensor; write those before it where it does not fit beside them."""
        size = tensor.numel() * tensor.element_size()
        if self._waiting and self._size + size > self._limit:
            self._write()
        self._waiting[name] = tensor.contiguous()
        self._size += size
        self.total += size
        self._advance(size)

    def close(self) -> int:
        """Write the rest, and the index where there are several files; return their count."""
        if self._waiting:
            self._write()
        count = len(self._files)
        if count == 1:
            self._draft(0).rename(self._folder / WEIGHTS)
            return count
        names = [f"model-{at + 1:05}-of-{count:05}.safetensors" for at in range(count)]
        for at, name in enumerate(names):
            self._draft(at).rename(self._folder / name)
        where = {tensor: name for name, held in zip(names, self._files, strict=True) for tensor in held}
        index = {"metadata": {"total_size": self.total}, "weight_map": where}
        write_private(self._folder / INDEX, [encode_indented(index)])
        return count

    def _write(self) -> None:
        save_file(self._waiting, self._draft(len(self._files)), metadata={"format": "pt"})
        self._files.append(tuple(self._waiting))
        self._waiting, self._size = {}, 0

    def _draft(self, at: int) -> Path:
        return self._folder / f"{at}.part"
