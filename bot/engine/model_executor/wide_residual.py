"""Models whose numbers are too large for float16: all that overflows there, in float32."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.kernels.attention import AttentionShape
from bot.engine.kernels.matmul import PlainMatmul, SeparateMatmul
from bot.engine.kernels.nf4_matmul import Nf4Matmul
from bot.engine.kernels.row_scaling import row_scaling_of
from bot.engine.lora.linear import LoraLinear
from bot.engine.model_executor.patching import compute_in_float32

# Of a step, in kernels that are started and bytes: measured on a pretended card for Qwen2.5-7B, Llama-3.1-8B
# and Gemma-2-9B. Weights, keys and values take what they took.
_COST = "a quarter to four fifths more operations, up to twice the memory of a step"

logger = logging.getLogger(__name__)


class HalfAttention:
    """The attention of a pass for layers in float32; keys, values and scores stay in float16."""

    def __init__(self, step: ForwardBatch) -> None:
        self._step = step

    def attend(self, layer: int, query: Tensor, pair: Tensor, shape: AttentionShape) -> Tensor:
        """As `ForwardBatch.attend`, of float32; returns float16, which no mean of values overflows."""
        return self._step.attend(layer, query.to(torch.float16), pair.to(torch.float16), shape)

    def signed_sines(self, sin: Tensor) -> Tensor:
        """As `ForwardBatch.signed_sines`."""
        return self._step.signed_sines(sin)


def widen(model: Any, name: str, linears: Sequence[LoraLinear]) -> None:
    """Compute a model of float16 in float32, but for its products and attention, and log what that costs.

    The residual stream, norms and activation functions are float32 from now on. Weights, adapters, keys and
    values stay as they are: linear layers scale rows down to float16 and their products up again.
    """
    for linear in linears:
        # others do not compute in float16
        assert isinstance(linear.kernel, PlainMatmul | SeparateMatmul | Nf4Matmul)
        bias = linear.kernel.take_bias()
        linear.scaling = row_scaling_of(linear.kernel, linear.inputs, bias, linear.device)
    compute_in_float32(model)
    logger.warning("half_precision_overflowed", extra={"model": name, "remedy": "float32", "cost": _COST})
