"""Decoder layers in one call of native.c each, for steps in which every span is one token."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.kernels.native import MAX_AMX_ROWS, Native
from bot.engine.kernels.structs import AttentionParams, LayerParams, SlabParams, StepParams
from bot.engine.lora.batch_mapping import AdapterBatch, ForwardContext
from bot.engine.lora.linear import LoraLinear
from bot.engine.model_executor.compat import NATIVE_LAYERS
from bot.engine.model_executor.fused_layers import FusedAttention, FusedMLP, FusedNorm


class NativeStep:
    """Arguments of native.c that all layers of a step share, and buffers for intermediate results."""

    def __init__(
        self, step: ForwardBatch, mix: AdapterBatch | None, widths: Sequence[int], native: Native
    ) -> None:
        """`widths`: of the widest input and output of a layer's linear layers, and of its own output."""
        self.slabs = step.decode_slabs
        tokens = len(step.spans)
        self._buffers = [torch.empty(tokens * width, dtype=native.dtype) for width in widths]
        self._buffers.append(native.quantised_scratch(tokens, widths[0]))
        targets = [slab.native_targets for slab in self.slabs]
        self._slab_params = (SlabParams * len(self.slabs))(
            *(
                SlabParams(ctypes.addressof(target), len(target) // 3, *slab.slab_size)
                for slab, target in zip(self.slabs, targets, strict=True)
            )
        )
        self._lora_tokens = mix.lora_tokens if mix is not None else None
        lora_tokens = self._lora_tokens.count if self._lora_tokens else 0
        arrays = (
            [ctypes.addressof(one) for one in self._lora_tokens.arrays] if self._lora_tokens else [0, 0, 0]
        )
        buffers = (tensor.data_ptr() for tensor in self._buffers)
        self.params = StepParams(
            ctypes.addressof(self._slab_params), *arrays, *buffers, tokens, len(self.slabs), lora_tokens
        )


class NativeLayer:
    """A decoder layer whose forward pass replaces that of transformers where the step is native."""

    def __init__(self, original: Any, native: Native, context: ForwardContext) -> None:
        attention: FusedAttention = original.self_attn
        mlp: FusedMLP = original.mlp
        self._forward, self._native, self._context = original.forward, native, context
        self._linears = attention.qkv_proj, attention.o_proj, mlp.gate_up_proj, mlp.down_proj
        self._index = attention.layer_index
        self._layer, self._key_like = _native_layer(original, attention, self._linears, native)

    def forward(
        self, hidden_states: Tensor, position_embeddings: tuple[Tensor, Tensor], **rest: Any
    ) -> Tensor:
        """hidden_states [1, tokens, size], changed in place where the step is native."""
        step: NativeStep | None = self._context.native_step
        if step is None or not self._native.accepts(hidden_states):
            return self._forward(hidden_states, position_embeddings=position_embeddings, **rest)  # type: ignore[no-any-return]
        caches = [slab.layer_tensor(self._index, self._key_like).data_ptr() for slab in step.slabs]
        self._native.decoder_layer(self._layer, step.params, caches, *position_embeddings, hidden_states)
        return hidden_states

    @property
    def is_ready(self) -> bool:
        """True when native.c can multiply with its weights and with its present adapters."""
        return all(linear.native_params is not None for linear in self._linears)

    @property
    def is_tiled(self) -> bool:
        """True when AMX tiles compute a product: they take few rows, quantised products take any number."""
        params = [linear.native_params for linear in self._linears]
        return not all(each is not None and each.quantised for each in params)

    @property
    def widths(self) -> tuple[int, int, int]:
        """The widest input and output of its linear layers, and its own output."""
        qkv, out, gate_up, _ = self._linears
        inputs = max(linear.inputs for linear in self._linears)
        return inputs, max(qkv.outputs, gate_up.outputs), out.outputs


class NativeModel:
    """All decoder layers of a model, where native.c computes every one of them; else empty."""

    def __init__(self, model: torch.nn.Module, native: Native | None, context: ForwardContext) -> None:
        """Replace the forward pass of all decoder layers, or of none."""
        originals: list[Any] = [
            module for module in model.modules() if type(module).__name__.endswith("DecoderLayer")
        ]
        fits = native is not None and all(map(_is_native, originals))
        self.layers = [NativeLayer(layer, native, context) for layer in originals] if native and fits else []
        self._native, self._is_tiled = native, any(layer.is_tiled for layer in self.layers)
        for original, layer in zip(originals, self.layers, strict=False):
            original.forward = layer.forward
        self._widths = [max(widths) for widths in zip(*(layer.widths for layer in self.layers), strict=True)]

    def native_step(self, step: ForwardBatch, mix: AdapterBatch | None) -> NativeStep | None:
        """Return the step for native layers; None where a span has more tokens or a layer is not ready."""
        rows = len(step.spans)
        fits = step.decode_count == rows and (rows <= MAX_AMX_ROWS or not self._is_tiled)
        ready = fits and bool(self.layers) and all(layer.is_ready for layer in self.layers)
        if self._native is None or not ready:
            return None
        return NativeStep(step, mix, self._widths, self._native)


def _is_native(layer: Any) -> bool:
    """Return whether native.c computes a decoder layer like this one."""
    attention, mlp = getattr(layer, "self_attn", None), getattr(layer, "mlp", None)
    if (
        type(layer).__name__ not in NATIVE_LAYERS
        or not isinstance(attention, FusedAttention)
        or not isinstance(mlp, FusedMLP)
    ):
        return False
    norms = (layer.input_layernorm, layer.post_attention_layernorm, attention.q_norm, attention.k_norm)
    rms_norms = all(norm is None or isinstance(norm, FusedNorm) for norm in norms)
    linears = (attention.qkv_proj, attention.o_proj, mlp.gate_up_proj, mlp.down_proj)
    native = all(isinstance(linear, LoraLinear) and linear.native_params is not None for linear in linears)
    return rms_norms and native and mlp.is_silu and attention.is_native


def _native_layer(
    original: Any, attention: FusedAttention, linears: Sequence[LoraLinear], native: Native
) -> tuple[LayerParams, Tensor]:
    """Return native.c's description of a layer, and an empty tensor like its keys [1, kv heads, size]."""
    norms = (original.input_layernorm, original.post_attention_layernorm, attention.q_norm, attention.k_norm)
    size, shape = attention.head_size, attention.shape
    all_heads = linears[0].outputs // size
    kv_heads = all_heads // (attention.group_size + 2)
    row = all_heads * size  # numbers of a token's queries, keys and values together
    heads = AttentionParams(
        *(0, 0, kv_heads, attention.group_size, size, shape.window or 0, row, row, native.is_f32),
        *(shape.scale, shape.softcap or 0),
    )
    weights = (0 if norm is None else norm.weight.data_ptr() for norm in norms)
    epsilons = (0 if norm is None else norm.epsilon for norm in norms)
    matrices = (ctypes.addressof(linear.native_params) for linear in linears if linear.native_params)
    rotated = all_heads - kv_heads if attention.uses_rope else 0
    key_like = torch.empty(1, kv_heads, size, dtype=native.dtype)
    return LayerParams(*weights, *matrices, heads, all_heads, rotated, *epsilons), key_like
