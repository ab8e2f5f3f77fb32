"""Placement of a base model on cards: one card where it fits, several where it must."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from bot.engine.lora.registry import linear_layers
from bot.engine.model_loader.quantization import Precision

_MARGIN = 1.15  # of the weights: a step, adapters and a conversation need room beside them
_ROOM = 2 << 30  # bytes that stay free on every card of several
_BYTES = {"nf4": 0.5, "int8": 1.0, "bf16": 2.0, "fp16": 2.0, "fp32": 4.0}  # of a number, without scales
_BLOCK, _SCALE_BLOCK = 64, 256  # numbers in nf4 that share a scale, and scales that share one themselves


def weight_bytes(model: nn.Module, precision: Precision, device: str) -> int:
    """Return the bytes of a model's weights in a precision, from a model on torch's meta device.

    bitsandbytes leaves the embeddings and the head in 16 bits.
    """
    wide = _BYTES["fp32"] if precision == "fp32" else 2.0
    quantised = _quantisable(model)
    numbers = sum({id(parameter): parameter.numel() for parameter in model.parameters()}.values())
    rest = numbers - quantised
    return int(_BYTES[precision] * quantised + wide * rest) + scale_bytes(model, precision, device)


def scale_bytes(model: nn.Module, precision: Precision, device: str) -> int:
    """Return the bytes of nf4's scales (bitsandbytes' absmax); 0 in other precisions.

    On cards they are themselves in 8 bits once layers are joined (`Nf4Matmul`).
    """
    if precision != "nf4":
        return 0
    scales = _quantisable(model) / _BLOCK
    return int(scales * (1 + 4 / _SCALE_BLOCK) if device.startswith("cuda") else scales * 4)


def _quantisable(model: nn.Module) -> int:
    """Return the count of numbers in matrices that bitsandbytes quantises."""
    matrices = {
        id(parameter): parameter.numel()
        for name, layer in linear_layers(model).items()
        for parameter in layer.parameters()
        if parameter.dim() == 2 and not name.endswith("head")
    }
    return sum(matrices.values())


def device_map_of(weights: int, free: Sequence[int]) -> Mapping[str, Any]:
    """Return `device_map` and `max_memory` for from_pretrained.

    `weights`: the bytes of all weights; `free`: those that each card has left. The model goes to the card
    with most room if it fits there, else over all cards.
    """
    roomiest = max(range(len(free)), key=lambda card: free[card])
    if len(free) == 1 or weights * _MARGIN <= free[roomiest]:
        return {"device_map": {"": f"cuda:{roomiest}"}}
    return {
        "device_map": "auto",
        "max_memory": {card: max(0, room - _ROOM) for card, room in enumerate(free)},
    }


def free_memory_of_cards() -> list[int]:
    """Return the bytes that each card has left."""
    return [torch.cuda.mem_get_info(card)[0] for card in range(torch.cuda.device_count())]
