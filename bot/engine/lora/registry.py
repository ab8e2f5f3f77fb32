"""Registered adapters: validated, held in the dtype of their files, and found by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from bot.engine.kernels.matmul import linear_size
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.linear import LoraPair
from bot.engine.lora.validation import BaseModelIdentity, validate_adapter
from bot.engine.lora.weights import StoredMatrix
from bot.engine.runtime import cpu_threads
from bot.errors import UserError
from bot.untrusted import RefusedFile

MAX_STRENGTH = 1.5
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def read_adapter(name: str, folder: Path, base: BaseModelIdentity) -> LoadedAdapter:
    """Validate an adapter's folder and read its matrices.

    Raises UserError with the adapter's name, the reason and the remedy.
    """
    try:
        files = validate_adapter(folder, base)
        start = min(matrix.start for matrix in files.matrices)
        data = torch.frombuffer(bytearray(memoryview(files.content)[start:]), dtype=torch.uint8)
        stored = StoredMatrices(data, start, _layout(files.matrices, tuple(files.scales.items())))
        with cpu_threads.single_threaded():
            stored.check_finite()
    except RefusedFile as refused:
        raise UserError(
            f'The adapter "{name}" was not loaded: {refused.reason}; {refused.remedy}.'
        ) from refused
    return LoadedAdapter(name, stored)


@dataclass(frozen=True, slots=True)
class AdapterLayout:
    """The place of every matrix in a file, and the scale of every module."""

    matrices: Mapping[tuple[str, str], StoredMatrix]  # by module and half ("A" or "B")
    scales: Mapping[str, float]


@lru_cache(maxsize=64)
def _layout(matrices: tuple[StoredMatrix, ...], scales: tuple[tuple[str, float], ...]) -> AdapterLayout:
    """Return one object for all adapters of one layout: the places of 400 matrices take 3% of an adapter."""
    return AdapterLayout({(matrix.module, matrix.half): matrix for matrix in matrices}, dict(scales))


class StoredMatrices(Mapping[str, LoraPair]):
    """The `LoraPair` of every module, made on access as views of the file's bytes.

    So an inactive adapter takes no more memory than its file.
    """

    def __init__(self, data: Tensor, start: int, layout: AdapterLayout) -> None:
        """`data` [bytes], uint8: the file's bytes behind its header, which ends at byte `start`."""
        self._data, self._start, self._layout = data, start, layout

    def __getitem__(self, module: str) -> LoraPair:
        scale = self._layout.scales[module]
        return LoraPair(self._tensor(module, "A"), self._tensor(module, "B"), scale)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.scales)

    def __len__(self) -> int:
        return len(self._layout.scales)

    def __contains__(self, module: object) -> bool:
        return module in self._layout.scales

    def check_finite(self) -> None:
        """Raise RefusedFile for a matrix with NaN or infinity."""
        for module, half in self._layout.matrices:
            if not bool(self._tensor(module, half).isfinite().all()):
                raise RefusedFile("its weights hold values that are not numbers", "train or export it again")

    def _tensor(self, module: str, half: str) -> Tensor:
        matrix = self._layout.matrices[module, half]
        dtype, start = _DTYPES[matrix.dtype], matrix.start - self._start
        part = self._data[start : matrix.end - self._start]
        aligned = start % dtype.itemsize == 0
        return (part if aligned else part.clone()).view(dtype).view(matrix.shape)


def linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Return all linear layers by name, quantised or not."""
    return {name: module for name, module in model.named_modules() if is_linear(module)}


def linear_shapes(model: nn.Module) -> dict[str, tuple[int, int]]:
    """Return the (out, in) sizes of all linear layers by name, also of a model on the meta device."""
    return {name: linear_size(module) for name, module in linear_layers(model).items()}


class AdapterRegistry:
    """The adapters that requests can name. Running requests keep the adapter they began with."""

    def __init__(self) -> None:
        self._adapters: dict[str, LoadedAdapter] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all registered adapters, sorted."""
        return tuple(sorted(self._adapters))

    @property
    def registered(self) -> tuple[LoadedAdapter, ...]:
        """All registered adapters."""
        return tuple(self._adapters.values())

    @property
    def bytes(self) -> int:
        """The bytes of all registered adapters, in the dtype of their files."""
        return sum(adapter.bytes for adapter in tuple(self._adapters.values()))

    def register(self, adapter: LoadedAdapter) -> None:
        """Register an adapter, in place of one of its name."""
        self._adapters[adapter.name] = adapter

    def unregister(self, name: str) -> LoadedAdapter | None:
        """Remove an adapter and return it; None for an unknown name."""
        return self._adapters.pop(name, None)

    def resolve(self, name: str | None, strength: float) -> LoadedAdapter | None:
        """Return the adapter of a request; None for the base model alone (no name, or strength 0).

        Raises UserError for an unknown name, or a strength outside 0 to `MAX_STRENGTH`.
        """
        if name is not None and name not in self._adapters:
            raise UserError(
                f'There is no adapter "{name}" in the engine: load it first, or answer without one.'
            )
        if not 0 <= strength <= MAX_STRENGTH:
            raise UserError(f"An adapter's strength goes from 0 to {MAX_STRENGTH}: choose a value between.")
        return self._adapters[name] if name is not None and strength else None


def is_linear(module: object) -> bool:
    """Return whether a module is a linear layer."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
