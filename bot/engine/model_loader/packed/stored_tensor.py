"""Tensors of a folder's safetensors files, read by rows: a file is never mapped or held as a whole."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from bot.engine.checkpoint.safetensors_header import TensorPlace, tensor_places
from bot.engine.checkpoint.weight_files import folder_root, weight_files

_DTYPES = {
    **{"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16},
    **{"U8": torch.uint8, "I8": torch.int8},
}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a file; `shape` is that of the file."""

    file: Path
    place: TensorPlace

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""
        return self.place.shape

    @property
    def dtype(self) -> torch.dtype | None:
        """Its dtype; None for one that is not read here, or where the bytes do not fit the shape."""
        dtype = _DTYPES.get(self.place.dtype)
        fits = dtype is not None and prod(self.shape) * dtype.itemsize == self.place.bytes
        return dtype if fits else None

    def read(self) -> Tensor:
        """Return the whole tensor."""
        return self._read(self.place.begin, self.place.bytes).view(self.shape)

    def read_rows(self, first: int, last: int) -> Tensor:
        """Return these rows, [last - first, *shape[1:]]."""
        row = self.place.bytes // max(1, self.shape[0])
        numbers = self._read(self.place.begin + first * row, (last - first) * row)
        return numbers.view(last - first, *self.shape[1:])

    def _read(self, begin: int, count: int) -> Tensor:
        assert self.dtype is not None
        if count == 0:
            return torch.empty(0, dtype=self.dtype)
        content = bytearray(count)
        with self.file.open("rb") as file:
            file.seek(begin)
            if file.readinto(content) != count:
                raise ValueError(f"{self.file.name} was cut off while it was read")
        return torch.frombuffer(content, dtype=self.dtype)


def stored_tensors_of(folder: Path) -> dict[str, StoredTensor]:
    """Return all tensors of a model's folder by name; raises `RefusedFile` for damaged files."""
    return {
        name: StoredTensor(folder / file, place)
        for file in weight_files(folder)
        for name, place in tensor_places(folder, file, folder_root(folder)).items()
    }
