"""The adapters on one base model: added, replaced and dropped between steps, chosen for each request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bot.engine.adapter_files import Base, read_files
from bot.engine.adapter_weights import Matrix
from bot.engine.strict import Refused
from bot.errors import UserError

STRONGEST = 1.5
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Pair:
    """What an adapter adds to a linear layer: x -> (x A^T) B^T; A [rank, in] and B [out, rank], scaled."""

    a: Tensor
    b: Tensor


Pairs = Mapping[str, Pair]


def read_adapter(name: str, folder: Path, base: Base) -> Pairs:
    """Check a folder and read its matrices; raises `UserError` with adapter, reason and remedy."""
    try:
        files = read_files(folder, base)
        tensors = {(matrix.module, matrix.half): _tensor(files.content, matrix) for matrix in files.matrices}
    except Refused as refused:
        raise UserError(
            f'The adapter "{name}" was not loaded: {refused.reason}; {refused.remedy}.'
        ) from refused
    return {
        module: Pair(tensors[module, "A"], tensors[module, "B"] * scale)
        for module, scale in files.scales.items()
    }


def linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every linear layer by name, quantised or not."""
    return {name: module for name, module in model.named_modules() if _is_linear(module)}


def linear_shapes(model: nn.Module) -> dict[str, tuple[int, int]]:
    """The (out, in) sizes of every linear layer; a model on the meta device will do."""
    return {name: _size(module) for name, module in linear_layers(model).items()}


class Adapters:
    """Live adapters, for the engine's thread. A hook on each adapted layer adds the chosen one's change."""

    def __init__(self, model: nn.Module) -> None:
        self._layers = linear_layers(model)
        self._dtype = next(p.dtype for p in model.parameters() if p.is_floating_point())
        self._live: dict[str, Pairs] = {}
        self._hooked: set[str] = set()
        self._chosen: Pairs = {}
        self._strength = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """The adapters that can be chosen."""
        return tuple(sorted(self._live))

    def add(self, name: str, pairs: Pairs) -> None:
        """Put an adapter in place of one of that name; answers under way keep what they began with."""
        self._live[name] = {module: self._placed(module, pair) for module, pair in pairs.items()}
        for module in pairs.keys() - self._hooked:
            self._layers[module].register_forward_hook(self._hook(module))
            self._hooked.add(module)

    def drop(self, name: str) -> None:
        """Forget an adapter."""
        self._live.pop(name, None)

    def use(self, name: str | None, strength: float = 1.0) -> None:
        """Choose what the next forward passes add; raises `UserError` when there is no such adapter."""
        if name is not None and name not in self._live:
            raise UserError(
                f'There is no adapter "{name}" in the engine: load it first, or answer without one.'
            )
        if not 0 <= strength <= STRONGEST:
            raise UserError(f"An adapter's strength goes from 0 to {STRONGEST}: choose a value between.")
        self._chosen = self._live[name] if name is not None and strength else {}
        self._strength = strength

    def _placed(self, module: str, pair: Pair) -> Pair:
        device = next(self._layers[module].parameters()).device
        return Pair(pair.a.to(device, self._dtype), pair.b.to(device, self._dtype))

    def _hook(self, module: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor | None]:
        def add(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor | None:
            pair = self._chosen.get(module)
            if pair is None:
                return None
            change = linear(inputs[0].to(output.device, pair.a.dtype), pair.a)
            return output + linear(change * self._strength, pair.b).to(output.dtype)

        return add


def _tensor(content: bytes, matrix: Matrix) -> Tensor:
    data = bytearray(memoryview(content)[matrix.start : matrix.end])
    tensor = torch.frombuffer(data, dtype=_DTYPES[matrix.dtype]).view(matrix.shape)
    if not bool(tensor.isfinite().all()):
        raise Refused("its weights hold values that are not numbers", "train or export it again")
    return tensor.float()


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _size(module: nn.Module) -> tuple[int, int]:
    if isinstance(module, nn.Linear):
        return module.out_features, module.in_features
    inner, out = next(module.parameters()).shape  # GPT-2's Conv1D keeps the transpose
    return out, inner
