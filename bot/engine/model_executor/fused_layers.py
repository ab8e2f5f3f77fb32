"""Layers in place of those of transformers: the same numbers from fewer, larger operations."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu

from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.kernels.native import Native
from bot.engine.lora.linear import LoraLinear
from bot.engine.model_executor import compat


class FusedAttention(nn.Module):
    """Attention of `compat.FUSED_ATTENTION`, with one product for queries, keys and values."""

    def __init__(self, original: Any, native: Native | None) -> None:
        super().__init__()
        settings = compat.attention_settings(original)
        self._native = native
        self.qkv_proj: LoraLinear = original.joined_proj
        self.o_proj: LoraLinear = original.o_proj
        self.layer_index, self.head_size = settings.layer_index, settings.head_size
        self.group_size, self.uses_rope = settings.group_size, settings.uses_rope
        self.q_norm, self.k_norm, self.shape = settings.q_norm, settings.k_norm, settings.shape

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        step: ForwardBatch,
        **rest: Any,
    ) -> tuple[Tensor, None]:
        """Attend: hidden_states [1, tokens, size], cos and sin [1, tokens, head size].

        `rest` holds arguments of transformers that this attention does not use.
        """
        cos, sin = position_embeddings
        signed = step.signed_sines(sin) if self.uses_rope and self._native is None else sin
        qkv = self.qkv_proj.forward(hidden_states)[0]
        qkv = qkv.view(len(qkv), -1, self.head_size)
        queries = qkv.shape[1] * self.group_size // (self.group_size + 2)
        rotated = queries + (qkv.shape[1] - queries) // 2  # heads of queries and keys
        if self.q_norm is not None:
            qkv[:, :queries] = self.q_norm(qkv[:, :queries])
            qkv[:, queries:rotated] = self.k_norm(qkv[:, queries:rotated])
        if self.uses_rope and self._native is not None:
            self._native.rotary_embedding(qkv, rotated, cos, sin)
        elif self.uses_rope:
            apply_rotary(qkv[:, :rotated], cos, signed)
        pair = qkv[:, queries:].view(len(qkv), 2, -1, self.head_size)
        attended = step.attend(self.layer_index, qkv[:, :queries], pair, self.shape)
        return self.o_proj(attended[None]), None

    @property
    def is_native(self) -> bool:
        """True when native.c attends with this head size and group size."""
        return self._native is not None and self._native.supports_attention(self.head_size, self.group_size)


class FusedMLP(nn.Module):
    """down(act(gate(x)) * up(x)), with one product for gate and up."""

    def __init__(self, original: Any, native: Native | None) -> None:
        super().__init__()
        self._native = native
        self.gate_up_proj: LoraLinear = original.joined_proj
        self.down_proj: LoraLinear = original.down_proj
        self.act_fn = original.act_fn
        self.is_silu = compat.is_silu(original.act_fn)

    def forward(self, x: Tensor) -> Tensor:
        """x [1, tokens, size] -> [1, tokens, size]."""
        gate_up = self.gate_up_proj.forward(x)
        if self.is_silu and self._native is not None and self._native.accepts(gate_up):
            return self.down_proj(self._native.silu_and_mul(gate_up))  # type: ignore[no-any-return]
        gate, up = gate_up.chunk(2, -1)
        active = silu(gate) if self.is_silu else self.act_fn(gate)
        return self.down_proj(active.mul_(up))  # type: ignore[no-any-return]


class FusedNorm(nn.Module):
    """Root mean square normalisation in float32 (arXiv 1910.07467)."""

    def __init__(self, weight: Tensor, epsilon: float, native: Native | None) -> None:
        super().__init__()
        size, self._native = weight.numel(), native
        self.weight, self.epsilon = weight.float() * size**0.5, epsilon * size

    def forward(self, x: Tensor) -> Tensor:
        """x [.., size] -> the same; with sums instead of means, whose factor is in the weight."""
        if self._native is not None and x.dim() == 3 and self._native.accepts(x):
            return self._native.rms_norm(x, self.weight, self.epsilon)
        wide = x.float()
        inverse = torch.linalg.vecdot(wide, wide).add_(self.epsilon).rsqrt_()
        scaled: Tensor = wide * inverse.unsqueeze(-1)
        return scaled.mul_(self.weight).to(x.dtype)


class CardNorm(nn.Module):
    """As `FusedNorm` by torch's kernel for cards, for the activations in the weight's dtype.

    A weight that is not in the activations' dtype keeps its precision, for two conversions more.
    """

    def __init__(self, weight: Tensor, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = weight, epsilon

    def forward(self, x: Tensor) -> Tensor:
        """x [.., size] -> the same."""
        wide = x.to(self.weight.dtype)
        return rms_norm(wide, self.weight.shape, self.weight, self.epsilon).to(x.dtype)


def apply_rotary(heads: Tensor, cos: Tensor, signed_sin: Tensor) -> None:
    """Rotate [tokens, heads, size] by position, in place: x cos + swapped halves of x (-sin, sin).

    Rotary position embedding by halves (arXiv 2104.09864, as in transformers); cos, sin [1, tokens, size].
    """
    swapped = heads.roll(heads.shape[-1] // 2, -1)
    heads.mul_(cos[0, :, None]).addcmul_(swapped, signed_sin[0, :, None])


def fused_norm_of(original: nn.Module, native: Native | None = None) -> FusedNorm | CardNorm | None:
    """Return the same norm from fewer operations, or None where a module is no RMS norm."""
    weights = compat.rms_norm_weights(original)
    if weights is None:
        return None
    on_cpu = weights[0].device.type == "cpu"
    return FusedNorm(*weights, native) if on_cpu else CardNorm(*weights)
