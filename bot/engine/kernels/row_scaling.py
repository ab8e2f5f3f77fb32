"""Products in float16 of rows that lie beyond it: rows scaled down, their products scaled up in float32."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, isfinite, log2

import torch
from torch import Tensor

from bot.engine.kernels.matmul import MatmulKernel

_LARGEST = 65_504.0  # number of float16
_MOST = 256.0  # norm of a row that stays as it is, where the weights are not exceptionally large
_RESERVE = 4.0  # for the error of the estimate, and for what adapters add to a product
_SAMPLES = 64  # random rows, which tell the norms of a weight's rows to within a third

Product = Callable[[Tensor], Tensor]  # x [tokens, in] -> [tokens, out], both in float16


@dataclass(frozen=True, slots=True)
class RowScaling:
    """A linear layer's product in float16, with inputs and outputs of any size.

    A row of a larger norm than `limit` is scaled down to it. No number of the product is larger than the
    norm of the row times that of a row of the weight, so none overflows. A smaller row has the product that
    it has without scaling, if `limit` is a power of two.
    """

    limit: float
    bias: Tensor  # [out] float32, or `zero`
    zero: Tensor  # [1] float32

    def apply(self, x: Tensor, product_of: Product) -> Tensor:
        """x [tokens, in] float16 or float32 -> [tokens, out] float32, in four operations beside the product.

        `product_of` is linear: it adds no bias.
        """
        norms = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32).clamp_(min=self.limit)
        scaled = x.new_empty(x.shape, dtype=torch.float16)
        torch.addcdiv(self.zero, x, norms, value=self.limit, out=scaled)
        return torch.addcmul(self.bias, product_of(scaled), norms, value=1 / self.limit)


def row_scaling_of(
    kernel: MatmulKernel, inputs: int, bias: Tensor | None, device: torch.device
) -> RowScaling:
    """Return the scaling for a kernel of float16 that adds no bias, from its products with random rows."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(_SAMPLES, inputs, generator=generator).div_(_MOST)
    product = kernel(rows.to(device, torch.float16)).float()
    norm = float(product.square_().mean(0).amax().sqrt_()) * _MOST  # of the weight's longest row
    limit = _LARGEST / _RESERVE / norm if norm > 0 and isfinite(norm) else _MOST
    zero = torch.zeros(1, device=device)
    return RowScaling(min(_MOST, 2.0 ** floor(log2(limit))), zero if bias is None else bias.float(), zero)
