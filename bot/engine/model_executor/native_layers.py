"""Whole decoder layers in one call each, for steps in which every token stands alone."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.kernels.native import MOST_ROWS, Native
from bot.engine.kernels.structs import CachePage, Heads, Layer, Pass
from bot.engine.lora.batch_mapping import AdapterBatch, ForwardContext
from bot.engine.lora.linear import LoraLinear
from bot.engine.model_executor.fused_layers import FusedAttention, FusedMLP, FusedNorm

# Layers of these classes are: h += attention(norm(h)), then h += down(act(gate(n)) * up(n)) of n = norm(h).
_USUAL = frozenset(f"{family}DecoderLayer" for family in ("Llama", "Mistral", "Qwen2", "Qwen3", "SmolLM3"))


class NativeStep:
    """A step that takes whole layers: what is the same to all of them, and room for what they compute."""

    def __init__(self, step: ForwardBatch, mix: AdapterBatch | None, widths: Sequence[int]) -> None:
        """`widths`: of the widest input and output of a layer's projections, and of its own."""
        self.pages = step.pages
        tokens = len(step.spans)
        self._room = [torch.empty(tokens * width, dtype=torch.bfloat16) for width in widths]
        self._pages = (CachePage * len(self.pages))(
            *(CachePage(ctypes.addressof(p.targets), len(p.targets) // 3, *p.extent) for p in self.pages)
        )
        self._changed = mix.changed if mix is not None else None
        changed = self._changed.count if self._changed else 0
        arrays = [ctypes.addressof(one) for one in self._changed.arrays] if self._changed else [0, 0, 0]
        room = (tensor.data_ptr() for tensor in self._room)
        self.pass_ = Pass(ctypes.addressof(self._pages), *arrays, *room, tokens, len(self.pages), changed)


class NativeLayer:
    """A layer of the usual kind, whose forward pass stands in for the one of transformers."""

    def __init__(self, original: Any, native: Native, current: ForwardContext) -> None:
        attention: FusedAttention = original.self_attn
        self._plain, self._native, self._current = original.forward, native, current
        gated: FusedMLP = original.mlp
        self._projections = attention.qkv_proj, attention.o_proj, gated.gate_up_proj, gated.down_proj
        self._index = attention.layer_index
        self._layer, self._like = _layer(original, attention, self._projections)

    def forward(
        self, hidden_states: Tensor, position_embeddings: tuple[Tensor, Tensor], **rest: Any
    ) -> Tensor:
        """hidden_states [1, tokens, size], which are changed in place where the step takes whole layers."""
        whole: NativeStep | None = self._current.whole
        if whole is None:
            return self._plain(hidden_states, position_embeddings=position_embeddings, **rest)  # type: ignore[no-any-return]
        caches = [page.layer(self._index, self._like).data_ptr() for page in whole.pages]
        self._native.layer(self._layer, whole.pass_, caches, *position_embeddings, hidden_states)
        return hidden_states

    @property
    def is_ready(self) -> bool:
        """Whether native.c can multiply with its weights and with the adapters that it has now."""
        return all(projection.linear is not None for projection in self._projections)

    @property
    def widths(self) -> tuple[int, int, int]:
        """The widest input and output of its projections, and its own."""
        joined, out, gated, _ = self._projections
        inputs = max(projection.inputs for projection in self._projections)
        return inputs, max(joined.outputs, gated.outputs), out.outputs


class NativeModel:
    """All layers of a model, where native.c computes every one of them; else it is empty."""

    def __init__(self, model: torch.nn.Module, native: Native | None, current: ForwardContext) -> None:
        """Put blocks in the place of all decoder layers, or of none."""
        layers: list[Any] = [
            module for module in model.modules() if type(module).__name__.endswith("DecoderLayer")
        ]
        fits = native is not None and native.tiles and all(map(_is_usual, layers))
        self.layers = [NativeLayer(layer, native, current) for layer in layers] if native and fits else []
        for layer, block in zip(layers, self.layers, strict=False):
            layer.forward = block.forward
        self._widths = [max(found) for found in zip(*(block.widths for block in self.layers), strict=True)]

    def native_step(self, step: ForwardBatch, mix: AdapterBatch | None) -> NativeStep | None:
        """The step as one that takes whole layers; None where it cannot."""
        alone = step.single == len(step.spans) <= MOST_ROWS
        if not self.layers or not alone or not all(block.is_ready for block in self.layers):
            return None
        return NativeStep(step, mix, self._widths)


def _is_usual(layer: Any) -> bool:
    """Whether native.c computes a layer like this one."""
    attention, gated = getattr(layer, "self_attn", None), getattr(layer, "mlp", None)
    if (
        type(layer).__name__ not in _USUAL
        or not isinstance(attention, FusedAttention)
        or not isinstance(gated, FusedMLP)
    ):
        return False
    norms = (layer.input_layernorm, layer.post_attention_layernorm, attention.q_norm, attention.k_norm)
    plain = all(norm is None or isinstance(norm, FusedNorm) for norm in norms)
    linear = (attention.qkv_proj, attention.o_proj, gated.gate_up_proj, gated.down_proj)
    packed = all(isinstance(one, LoraLinear) and one.linear is not None for one in linear)
    return plain and packed and gated.is_silu and attention.is_native


def _layer(
    original: Any, attention: FusedAttention, projections: Sequence[LoraLinear]
) -> tuple[Layer, Tensor]:
    """What native.c knows of a layer, and a tensor like its keys."""
    norms = (original.input_layernorm, original.post_attention_layernorm, attention.q_norm, attention.k_norm)
    size, shape = attention.head_size, attention.shape
    all_ = projections[0].outputs // size
    keys = all_ // (attention.group_size + 2)
    heads = Heads(
        *(0, 0, keys, attention.group_size, size, shape.window or 0, all_ * size, all_ * size, 0),
        *(shape.scale, shape.softcap or 0),
    )
    weights = (0 if norm is None else norm.weight.data_ptr() for norm in norms)
    epsilons = (0 if norm is None else norm.epsilon for norm in norms)
    linear = (ctypes.addressof(projection.linear) for projection in projections if projection.linear)
    turning = all_ - keys if attention.uses_rope else 0
    like = torch.empty(1, keys, size, dtype=torch.bfloat16)
    return Layer(*weights, *linear, heads, all_, turning, *epsilons), like
