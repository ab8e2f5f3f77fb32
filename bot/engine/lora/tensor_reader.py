"""The bytes of an adapter's file: matrices into memory, copies of the base model compared on the way."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from bot.adapter.files import WEIGHTS
from bot.engine.lora.base_copies import CHUNK_BYTES, CopyCheck
from bot.engine.lora.tensor_header import StoredTensor
from bot.untrusted import RefusedFile


@dataclass(frozen=True, slots=True)
class StoredMatrix:
    """One matrix, at bytes `start` to `end` of `AdapterWeights.data`, by its module's name in the file.

    Half "A" is [rank, in], half "B" is [out, rank].
    """

    module: str
    half: str
    dtype: str
    shape: tuple[int, int]
    start: int
    end: int


class TensorReader:
    """The memory of the matrices, as far as it is filled, and the hash of all that was read."""

    def __init__(self, size: int, header: bytes) -> None:
        self.data, self._filled = bytearray(size), 0
        self.digest = hashlib.sha256(header)

    def matrix(self, file: BinaryIO, size: int) -> int:
        """Read a matrix; return the byte where it begins."""
        start = self._filled
        with memoryview(self.data)[start : start + size] as place:
            if file.readinto(place) != size:  # type: ignore[attr-defined]
                raise changed()
            self.digest.update(place)
        self._filled += size
        return start

    def rest(self, file: BinaryIO, size: int, check: CopyCheck | None) -> None:
        """Read a tensor that is not kept, chunk by chunk."""
        most = CHUNK_BYTES if check is None else check.chunk_bytes
        while size:
            content = file.read(min(size, most))
            if not content:
                raise changed()
            self.digest.update(content)
            size -= len(content)
            if check is not None:
                check.compare(content)
        if check is not None:
            check.finish()


def read_matrices(
    file: BinaryIO,
    tensors: Sequence[StoredTensor],
    kept: Mapping[StoredTensor, tuple[str, str]],
    checks: Mapping[StoredTensor, CopyCheck],
    take: TensorReader,
) -> tuple[StoredMatrix, ...]:
    """Read the file in the order of its tensors: matrices into memory, copies to be compared."""
    matrices = list[StoredMatrix]()
    for tensor in tensors:
        size = tensor.end - tensor.start
        if tensor in kept:
            module, half = kept[tensor]
            start = take.matrix(file, size)
            rank, other = tensor.shape
            matrices.append(StoredMatrix(module, half, tensor.dtype, (rank, other), start, start + size))
        else:
            take.rest(file, size, checks.get(tensor))
    return tuple(matrices)


def changed() -> RefusedFile:
    """Return the refusal of a file that another process writes."""
    return RefusedFile(f"{WEIGHTS} changed while it was read", "try again")
