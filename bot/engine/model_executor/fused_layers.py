"""Layers that stand in for those of transformers: the same numbers from fewer, larger operations."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.kernels.attention import AttentionShape
from bot.engine.kernels.native import Native
from bot.engine.lora.linear import LoraLinear

# Attention of these classes is: project, norm where there is one, rotate halves, attend, project.
ALIKE = frozenset(
    f"{family}Attention"
    for family in ("Llama", "Mistral", "Qwen2", "Qwen3", "Gemma2", "Gemma3", "Granite", "SmolLM3")
)


class FusedAttention(nn.Module):
    """The attention of `ALIKE`, with one product for queries, keys and values."""

    def __init__(self, original: Any, native: Native | None) -> None:
        super().__init__()
        self._native = native
        self.qkv_proj: LoraLinear = original.joined
        self.o_proj: LoraLinear = original.o_proj
        self.clones_product = False  # a compiler cannot change in place what is part of something else
        self.layer_index, self.head_size = original.layer_idx, original.head_dim
        self.group_size = original.num_key_value_groups
        self.uses_rope = bool(getattr(original, "use_rope", True))
        self.q_norm, self.k_norm = getattr(original, "q_norm", None), getattr(original, "k_norm", None)
        by_model = type(original).__name__ == "MistralAttention"
        window = getattr(original.config if by_model else original, "sliding_window", None)
        self.shape = AttentionShape(
            original.scaling, window, getattr(original, "attn_logit_softcapping", None)
        )

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        step: ForwardBatch,
        **rest: Any,
    ) -> tuple[Tensor, None]:
        """hidden_states [1, tokens, size]; `rest` is what transformers passes along and nobody needs here."""
        cos, sin = position_embeddings
        signed = self.signed_sin(step, sin) if self.uses_rope and self._native is None else sin
        joined = self.qkv_proj.forward(hidden_states)[0]
        joined = (joined.clone() if self.clones_product else joined).view(len(joined), -1, self.head_size)
        queries = joined.shape[1] * self.group_size // (self.group_size + 2)
        turning = queries + (joined.shape[1] - queries) // 2
        if self.q_norm is not None:
            joined[:, :queries] = self.q_norm(joined[:, :queries])
            joined[:, queries:turning] = self.k_norm(joined[:, queries:turning])  # type: ignore[misc]
        if self.uses_rope and self._native is not None:
            self._native.rotate(joined, turning, cos, sin)
        elif self.uses_rope:
            apply_rotary(joined[:, :turning], cos, signed)
        pair = joined[:, queries:].view(len(joined), 2, -1, self.head_size)
        attended = self.attend(step, joined[:, :queries], pair)
        return self.o_proj(attended[None]), None

    def attend(self, step: ForwardBatch, query: Tensor, pair: Tensor) -> Tensor:
        """As `ForwardBatch.attend`. A compiler leaves this and `sines` alone, lest it
        compile every layer anew."""
        return step.attend(self.layer_index, query, pair, self.shape)

    def signed_sin(self, step: ForwardBatch, sin: Tensor) -> Tensor:
        """As `ForwardBatch.signed`."""
        return step.signed(sin)

    @property
    def is_native(self) -> bool:
        """Whether native.c attends like this, in one place and with nothing left over."""
        return self._native is not None and self._native.attends(self.head_size, self.group_size)


class FusedMLP(nn.Module):
    """down(act(gate(x)) * up(x)), with one product for gate and up."""

    def __init__(self, original: Any, native: Native | None) -> None:
        super().__init__()
        self._native = native
        self.gate_up_proj: LoraLinear = original.joined
        self.down_proj: LoraLinear = original.down_proj
        self.act_fn = original.act_fn
        self.is_silu = type(original.act_fn).__name__ in ("SiLU", "SiLUActivation")

    def forward(self, x: Tensor) -> Tensor:
        """x [1, tokens, size]."""
        joined = self.gate_up_proj.forward(x)
        if self.is_silu and self._native is not None and self._native.takes(joined):
            return self.down_proj(self._native.gate(joined))  # type: ignore[no-any-return]
        gate, up = joined.chunk(2, -1)
        active = silu(gate) if self.is_silu else self.act_fn(gate)
        return self.down_proj(active.mul_(up))  # type: ignore[no-any-return]


class FusedNorm(nn.Module):
    """Root mean square normalisation in float32."""

    def __init__(self, weight: Tensor, epsilon: float, native: Native | None) -> None:
        super().__init__()
        size, self._native = weight.numel(), native
        self.weight, self.epsilon = weight.float() * size**0.5, epsilon * size

    def forward(self, x: Tensor) -> Tensor:
        """x [.., size]; with sums instead of means, whose factor is in the weight."""
        if self._native is not None and x.dim() == 3 and self._native.takes(x):
            return self._native.norm(x, self.weight, self.epsilon)
        wide = x.float()
        inverse = torch.linalg.vecdot(wide, wide).add_(self.epsilon).rsqrt_()
        scaled: Tensor = wide * inverse.unsqueeze(-1)
        return scaled.mul_(self.weight).to(x.dtype)


def apply_rotary(heads: Tensor, cos: Tensor, signed: Tensor) -> None:
    """Turn [tokens, heads, size] by rotary positions, in place: x cos + swapped halves of x (-sin, sin)."""
    other = heads.roll(heads.shape[-1] // 2, -1).mul_(signed[0, :, None])
    heads.mul_(cos[0, :, None]).add_(other)


def fused_norm_of(original: nn.Module, native: Native | None = None) -> FusedNorm | None:
    """The same norm from fewer operations, or None where a layer is no such norm."""
    name = type(original).__name__
    weight = getattr(original, "weight", None)
    epsilon = getattr(original, "variance_epsilon", getattr(original, "eps", None))
    if not name.endswith("RMSNorm") or weight is None or weight.dim() != 1 or epsilon is None:
        return None
    return FusedNorm(weight.float() + 1 if name.startswith("Gemma") else weight, float(epsilon), native)
