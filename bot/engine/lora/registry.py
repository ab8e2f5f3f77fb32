"""The adapters that an engine knows: read strictly, kept as their files have them, found by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from bot.engine.kernels.matmul import size_of
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.linear import LoraPair
from bot.engine.lora.validation import BaseModelIdentity, validate_adapter
from bot.engine.lora.weights import Matrix
from bot.engine.runtime import cpu_threads
from bot.errors import UserError
from bot.untrusted import RefusedFile

STRONGEST = 1.5
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def read_adapter(name: str, folder: Path, base: BaseModelIdentity) -> LoadedAdapter:
    """Check a folder and read its matrices; raises `UserError` with adapter, reason and remedy."""
    try:
        files = validate_adapter(folder, base)
        start = min(matrix.start for matrix in files.matrices)
        numbers = torch.frombuffer(bytearray(memoryview(files.content)[start:]), dtype=torch.uint8)
        stored = StoredMatrices(numbers, start, _layout(files.matrices, tuple(files.scales.items())))
        with cpu_threads.single_threaded():
            stored.check()
    except RefusedFile as refused:
        raise UserError(
            f'The adapter "{name}" was not loaded: {refused.reason}; {refused.remedy}.'
        ) from refused
    return LoadedAdapter(name, stored)


@dataclass(frozen=True, slots=True)
class AdapterLayout:
    """Where the matrices of every module are in a file, and how much they weigh."""

    matrices: Mapping[tuple[str, str], Matrix]  # by module and half
    scales: Mapping[str, float]


@lru_cache(maxsize=64)
def _layout(matrices: tuple[Matrix, ...], scales: tuple[tuple[str, float], ...]) -> AdapterLayout:
    """One for all adapters that are laid out alike: 400 matrices' places would take 3% of an adapter."""
    return AdapterLayout({(matrix.module, matrix.half): matrix for matrix in matrices}, dict(scales))


class StoredMatrices(Mapping[str, LoraPair]):
    """A file's pairs by module, each a view of its bytes that is made when it is asked for.

    So an adapter that nobody uses takes no more than its file does.
    """

    def __init__(self, numbers: Tensor, start: int, layout: AdapterLayout) -> None:
        """`numbers` are the file's bytes behind its header, which ends at `start`."""
        self._numbers, self._start, self._layout = numbers, start, layout

    def __getitem__(self, module: str) -> LoraPair:
        scale = self._layout.scales[module]
        return LoraPair(self._tensor(module, "A"), self._tensor(module, "B"), scale)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.scales)

    def __len__(self) -> int:
        return len(self._layout.scales)

    def __contains__(self, module: object) -> bool:
        return module in self._layout.scales

    def check(self) -> None:
        """Raise `Refused` where a number is none."""
        for module, half in self._layout.matrices:
            if not bool(self._tensor(module, half).isfinite().all()):
                raise RefusedFile("its weights hold values that are not numbers", "train or export it again")

    def _tensor(self, module: str, half: str) -> Tensor:
        matrix = self._layout.matrices[module, half]
        dtype, start = _DTYPES[matrix.dtype], matrix.start - self._start
        part = self._numbers[start : matrix.end - self._start]
        aligned = start % dtype.itemsize == 0
        return (part if aligned else part.clone()).view(dtype).view(matrix.shape)


def linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every linear layer by name, quantised or not."""
    return {name: module for name, module in model.named_modules() if is_linear(module)}


def linear_shapes(model: nn.Module) -> dict[str, tuple[int, int]]:
    """The (out, in) sizes of every linear layer; a model on the meta device will do."""
    return {name: size_of(module) for name, module in linear_layers(model).items()}


class AdapterRegistry:
    """The adapters that requests can name. Rows under way keep the one they began with."""

    def __init__(self) -> None:
        self._known: dict[str, LoadedAdapter] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The adapters that can be chosen."""
        return tuple(sorted(self._known))

    @property
    def bytes(self) -> int:
        """What they take as they were read."""
        return sum(known.bytes for known in tuple(self._known.values()))

    def add(self, known: LoadedAdapter) -> None:
        """Put an adapter in place of one of that name."""
        self._known[known.name] = known

    def drop(self, name: str) -> LoadedAdapter | None:
        """Forget an adapter; returns it if it was there."""
        return self._known.pop(name, None)

    def find(self, name: str | None, strength: float) -> LoadedAdapter | None:
        """The adapter that a request names, None for the base alone; raises `UserError`."""
        if name is not None and name not in self._known:
            raise UserError(
                f'There is no adapter "{name}" in the engine: load it first, or answer without one.'
            )
        if not 0 <= strength <= STRONGEST:
            raise UserError(f"An adapter's strength goes from 0 to {STRONGEST}: choose a value between.")
        return self._known[name] if name is not None and strength else None


def is_linear(module: object) -> bool:
    """Whether a layer is a product with a matrix."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
