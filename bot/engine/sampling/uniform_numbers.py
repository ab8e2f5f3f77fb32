"""The uniform numbers that point at a sequence's tokens."""

import torch

_BLOCK = 64  # numbers that are made at once


class UniformNumbers:
    """Uniform numbers in [0, 1) by the index of a token; a seed and a candidate always have the same ones."""

    def __init__(self, seed: int, candidate: int) -> None:
        """`candidate`: its number among a request's, from 0."""
        self._generator = torch.Generator().manual_seed((seed * 1_000_003 + candidate) % (1 << 63))
        self._made: list[float] = []

    def __getitem__(self, index: int) -> float:
        while index >= len(self._made):
            self._made += torch.rand(_BLOCK, generator=self._generator).tolist()
        return self._made[index]
