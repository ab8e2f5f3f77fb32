"""The weights of a GGUF file as it lies: its own blocks, mapped; plain numbers of matrices in 8 bits."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig

from bot.engine.checkpoint.gguf.gguf_file import GgufFile
from bot.engine.checkpoint.gguf.tensors import GgufTensor
from bot.engine.model_loader.packed.weights import MatrixSize
from bot.engine.quantization.packed_matrix import PackedMatrix
from bot.engine.quantization.packing import pack
from bot.errors import UserError

REPACKED = "Q8_0"  # what plain numbers of matrices become


@dataclass(frozen=True, slots=True, eq=False)
class GgufWeights:
    """`PackedWeights` of a GGUF file."""

    file: GgufFile

    @property
    def config(self) -> Any:
        """The configuration of transformers."""
        return AutoConfig.for_model(**self.file.config)

    @property
    def sizes(self) -> Iterator[MatrixSize]:
        """The sizes of all matrices in the file."""
        for tensor in self.file.tensors.values():
            if len(tensor.shape) == 2:
                yield MatrixSize(tensor.type.name, prod(tensor.shape), tensor.bytes)

    @property
    def repacked(self) -> int:
        """The count of matrices of plain numbers, which are packed when they are read."""
        return sum(len(each.shape) == 2 and each.block is None for each in self.file.tensors.values())

    def matrix(self, name: str) -> PackedMatrix | None:
        """Return a matrix; raises `UserError` for plain numbers that fill no whole blocks."""
        tensor = self.file.tensors.get(name)
        return None if tensor is None else packed_matrix(tensor)

    def numbers(self, name: str) -> Tensor | None:
        """Return plain numbers in the parameter's shape."""
        tensor = self.file.tensors.get(name)
        return None if tensor is None else _numbers(tensor)


def packed_matrix(tensor: GgufTensor) -> PackedMatrix:
    """Return a tensor as a packed matrix: the file's own blocks, or plain numbers in 8 bits.

    Raises `UserError` for plain numbers that fill no whole blocks.
    """
    if tensor.block is None:
        numbers = _numbers(tensor)
        try:
            return pack(numbers.T if tensor.is_transposed else numbers, REPACKED)
        except ValueError:
            raise UserError(
                f"The tensor {tensor.name} has {tensor.shape[1]} columns, which fill no blocks of "
                f"{REPACKED}: "
                'set [model] precision to "bf16", or choose another [model] name.'
            ) from None
    order = None if tensor.row_order is None else torch.from_numpy(tensor.row_order.copy())
    view = tensor.data.view()
    view.flags.writeable = True  # torch warns of others; the file is mapped for this process alone
    return PackedMatrix(torch.from_numpy(view), tensor.block, order)


def _numbers(tensor: GgufTensor) -> Tensor:
    return torch.from_numpy(tensor.numbers().copy())
