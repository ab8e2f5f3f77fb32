"""The adapters that an engine knows: read strictly, kept as their files have them, found by name."""

from pathlib import Path

import torch
from torch import Tensor, nn

from bot.engine import cores
from bot.engine.adapter_files import Base, read_files
from bot.engine.adapter_weights import Matrix
from bot.engine.kernels import size_of
from bot.engine.live import Known
from bot.engine.projection import Pair
from bot.engine.strict import Refused
from bot.errors import UserError

STRONGEST = 1.5
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def read_adapter(name: str, folder: Path, base: Base) -> Known:
    """Check a folder and read its matrices; raises `UserError` with adapter, reason and remedy."""
    try:
        files = read_files(folder, base)
        whole = torch.frombuffer(bytearray(files.content), dtype=torch.uint8)
        with cores.one():
            tensors = {(matrix.module, matrix.half): _tensor(whole, matrix) for matrix in files.matrices}
    except Refused as refused:
        raise UserError(
            f'The adapter "{name}" was not loaded: {refused.reason}; {refused.remedy}.'
        ) from refused
    return Known(
        name,
        {
            module: Pair(tensors[module, "A"], tensors[module, "B"], scale)
            for module, scale in files.scales.items()
        },
    )


def linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every linear layer by name, quantised or not."""
    return {name: module for name, module in model.named_modules() if is_linear(module)}


def linear_shapes(model: nn.Module) -> dict[str, tuple[int, int]]:
    """The (out, in) sizes of every linear layer; a model on the meta device will do."""
    return {name: size_of(module) for name, module in linear_layers(model).items()}


class Adapters:
    """The adapters that requests can name. Rows under way keep the one they began with."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The adapters that can be chosen."""
        return tuple(sorted(self._known))

    @property
    def bytes(self) -> int:
        """What they take as they were read."""
        return sum(known.bytes for known in tuple(self._known.values()))

    def add(self, known: Known) -> None:
        """Put an adapter in place of one of that name."""
        self._known[known.name] = known

    def drop(self, name: str) -> Known | None:
        """Forget an adapter; returns it if it was there."""
        return self._known.pop(name, None)

    def find(self, name: str | None, strength: float) -> Known | None:
        """The adapter that a request names, None for the base alone; raises `UserError`."""
        if name is not None and name not in self._known:
            raise UserError(
                f'There is no adapter "{name}" in the engine: load it first, or answer without one.'
            )
        if not 0 <= strength <= STRONGEST:
            raise UserError(f"An adapter's strength goes from 0 to {STRONGEST}: choose a value between.")
        return self._known[name] if name is not None and strength else None


def _tensor(whole: Tensor, matrix: Matrix) -> Tensor:
    """A matrix as a view of all the file's bytes [size], so that an adapter takes what its file does."""
    part, dtype = whole[matrix.start : matrix.end], _DTYPES[matrix.dtype]
    aligned = matrix.start % dtype.itemsize == 0
    tensor = (part if aligned else part.clone()).view(dtype).view(matrix.shape)
    if not bool(tensor.isfinite().all()):
        raise Refused("its weights hold values that are not numbers", "train or export it again")
    return tensor


def is_linear(module: object) -> bool:
    """Whether a layer is a product with a matrix."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
