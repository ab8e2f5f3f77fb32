"""Registered adapters: validated, held in the dtype of their files, and found by name."""

from pathlib import Path

import torch
from torch import nn

from bot.adapter.choice import not_loaded
from bot.engine.kernels.matmul import linear_size
from bot.engine.kernels.packed_linear import PackedLinear
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.stored_matrices import StoredMatrices, layout_of
from bot.engine.lora.validation import AdapterFiles, BaseModelIdentity, validate_adapter
from bot.engine.runtime import cpu_threads
from bot.errors import UserError
from bot.untrusted import RefusedFile

MAX_STRENGTH = 1.5


def read_adapter(name: str, folder: Path, base: BaseModelIdentity) -> LoadedAdapter:
    """Validate an adapter's folder and read its matrices.

    Raises UserError with the adapter's name, the reason and the remedy.
    """
    try:
        return load_adapter(name, validate_adapter(folder, base))
    except RefusedFile as refused:
        raise UserError(not_loaded(name, refused)) from refused


def load_adapter(name: str, files: AdapterFiles) -> LoadedAdapter:
    """Return the adapter of a validated folder; raises RefusedFile for matrices with NaN or infinity."""
    data = torch.frombuffer(files.weights.data, dtype=torch.uint8)
    stored = StoredMatrices(data, layout_of(files))
    with cpu_threads.single_threaded():
        stored.check_finite()
    return LoadedAdapter(name, stored)


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
    return isinstance(module, nn.Linear | PackedLinear) or type(module).__name__ == "Conv1D"
