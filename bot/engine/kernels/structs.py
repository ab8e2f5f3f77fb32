"""The structures of native.c, field by field."""

import ctypes
from typing import Any

MAX_LORA_INNER = 1024  # numbers between an adapter's two matrices, all parts together
POINTER, LONG, INT, FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class AttentionParams(ctypes.Structure):
    """How a layer attends, and where its keys lie: `struct attention`."""

    _fields_ = [
        *_fields(LONG, "slots capacity heads group size window query_apart key_apart wide"),
        *_fields(FLOAT, "scale softcap"),
    ]


class LoraShape(ctypes.Structure):
    """The sizes of a projection's adapters, and for each block of outputs its part of the inner numbers."""

    _fields_ = [*_fields(LONG, "inputs outputs inner rank blocks width wide"), ("chosen", POINTER)]


class LoraMatrices(ctypes.Structure):
    """Where live adapters' matrices and their scales lie."""

    _fields_ = _fields(POINTER, "a b a_scales b_scales")


class LinearParams(ctypes.Structure):
    """A projection: its packed weights, and its adapters where there are any."""

    _fields_ = [
        *_fields(POINTER, "weights bias"),
        ("matrices", LoraMatrices),
        ("block", LONG),
        ("change", LoraShape),
    ]


class LayerParams(ctypes.Structure):
    """A decoder layer of the usual kind."""

    _fields_ = [
        *_fields(POINTER, "first_norm second_norm query_norm key_norm joined out gated down"),
        ("attention", AttentionParams),
        *_fields(LONG, "heads turning"),
        *_fields(FLOAT, "first_epsilon second_epsilon query_epsilon key_epsilon"),
    ]


class SlabParams(ctypes.Structure):
    """A page of the cache, and the tokens that belong to its rows."""

    _fields_ = [("rows", POINTER), *_fields(LONG, "count slots capacity")]


class StepParams(ctypes.Structure):
    """What a step is to all layers."""

    _fields_ = [
        *_fields(POINTER, "pages places bays strengths one two three"),
        *_fields(LONG, "tokens page_count changed"),
    ]
