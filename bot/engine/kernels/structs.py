"""The structures of `csrc/`, field by field."""

import ctypes
from typing import Any

# in the order of FORMATS in `quantised.h`
QUANTISED_TYPES = "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K IQ4_NL IQ4_XS NF4 INT8".split()
MAX_LORA_INNER = 1024  # rank times joined layers: the numbers between a LoRA's A and B
POINTER, LONG, INT, FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class AttentionParams(ctypes.Structure):
    """The attention of a layer and the sizes of its KV tensor."""

    _fields_ = [
        *_fields(LONG, "slots capacity heads group size window query_stride key_stride is_f32"),
        *_fields(FLOAT, "scale softcap"),
    ]


class LoraShape(ctypes.Structure):
    """The sizes of a linear layer's LoRA matrices, and the joined layer of each block of outputs."""

    _fields_ = [*_fields(LONG, "inputs outputs inner rank blocks width is_f32"), ("block_layer", POINTER)]


class LoraMatrices(ctypes.Structure):
    """The addresses of the LoRA slots' matrices and scales."""

    _fields_ = _fields(POINTER, "a b a_scales b_scales")


class LinearParams(ctypes.Structure):
    """A linear layer: its quantised weights or those of AMX tiles, and its LoRA slots where it has any."""

    _fields_ = [
        *_fields(POINTER, "quantised weights bias"),
        ("block_width", LONG),
        ("matrices", LoraMatrices),
        ("shape", LoraShape),
    ]


class LayerParams(ctypes.Structure):
    """A decoder layer of pre-norm attention and a gated MLP."""

    _fields_ = [
        *_fields(POINTER, "input_norm post_attention_norm query_norm key_norm qkv out gate_up down"),
        ("attention", AttentionParams),
        *_fields(LONG, "heads rotated"),
        *_fields(FLOAT, "input_epsilon post_attention_epsilon query_epsilon key_epsilon"),
    ]


class SlabParams(ctypes.Structure):
    """A KV slab, and the decoding tokens of its slots."""

    _fields_ = [("targets", POINTER), *_fields(LONG, "count slots capacity")]


class StepParams(ctypes.Structure):
    """A decoding step: the same for all layers."""

    _fields_ = [
        *_fields(POINTER, "slabs lora_tokens lora_slots strengths inputs outputs residual scratch"),
        *_fields(LONG, "tokens slab_count lora_count"),
    ]


class QuantisedSegment(ctypes.Structure):
    """A packed matrix; `type` is an index of `QUANTISED_TYPES`."""

    _fields_ = [*_fields(POINTER, "data row_order"), *_fields(LONG, "rows row_bytes type")]


class QuantisedParams(ctypes.Structure):
    """Packed matrices that read the same input, and the bias of all."""

    _fields_ = [*_fields(POINTER, "segments bias"), *_fields(LONG, "count columns outputs is_f32")]
