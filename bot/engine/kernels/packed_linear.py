"""A linear layer whose weights stay packed, in the place of one of torch."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bot.engine.quantization.dequantization import dequantise
from bot.engine.quantization.packed_matrix import PackedMatrix


class PackedLinear(nn.Module):
    """x [.., in] -> [.., out] with a packed matrix [out, in]."""

    def __init__(self, matrix: PackedMatrix, bias: Tensor | None) -> None:
        """bias [out]."""
        super().__init__()
        self.matrix, self.bias = matrix, bias
        self.in_features, self.out_features = matrix.columns, matrix.rows

    @property
    def device(self) -> torch.device:
        """The device of the blocks."""
        return self.matrix.data.device

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, dequantise(self.matrix).to(x.dtype), self.bias)
