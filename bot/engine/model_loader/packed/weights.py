"""The weights of a model that is served packed, whatever files hold them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from bot.engine.quantization.packed_matrix import PackedMatrix


@dataclass(frozen=True, slots=True)
class MatrixSize:
    """The name of a matrix's type of blocks, its numbers, and the bytes that they take."""

    type_name: str
    numbers: int
    bytes: int


class PackedWeights(Protocol):
    """Weights by the names of transformers' parameters; an output head that shares the embedding has none."""

    @property
    def config(self) -> Any:
        """The configuration of transformers."""

    @property
    def sizes(self) -> Iterable[MatrixSize]:
        """The sizes of all matrices."""

    def matrix(self, name: str) -> PackedMatrix | None:
        """Return a matrix of a linear layer or the embedding, None for a name without one."""

    def numbers(self, name: str) -> Tensor | None:
        """Return plain numbers in the parameter's shape, None for a name without them."""


def quantised_bits(sizes: Iterable[MatrixSize]) -> tuple[float, tuple[str, ...]]:
    """Return the bits of a weight over all matrices, and the types of their blocks, the most common first."""
    counts: dict[str, int] = {}
    numbers = 0
    for size in sizes:
        counts[size.type_name] = counts.get(size.type_name, 0) + size.bytes
        numbers += size.numbers
    return 8 * sum(counts.values()) / numbers, tuple(sorted(counts, key=lambda kind: -counts[kind]))


def describe_bits(sizes: Iterable[MatrixSize]) -> str:
    """Return the bits of a weight and the types of blocks, for people: "4.9 bits (Q4_K, Q6_K)"."""
    bits, types = quantised_bits(sizes)
    return f"{bits:.1f} bits ({', '.join(types)})"
