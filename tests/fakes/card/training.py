"""Backward passes on a pretended card: `training_pass` lets autograd run there and choose a card's kernels.

A CPU build of torch has no stream of a card, which autograd asks for: inside the block it takes the tensors'
device for "meta", while Python sees "cuda" as ever. Fused attention and dropout are the operations of a card.
"""

import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from accelerate.state import AcceleratorState
from torch import Tensor
from torch.nn import functional
from torch.utils import checkpoint
from torch.utils._python_dispatch import TorchDispatchMode

_META, _CARD = torch.device("meta"), torch.device("cuda", 0)
_FLASH_HEAD, _HALVES = 256, (torch.bfloat16, torch.float16)


@contextmanager
def training_pass() -> Iterator[None]:
    """Let a model on a `pretended_card` be wrapped and trained; no model can be made inside the block."""
    with ExitStack() as stack:
        for target, name, answer in _patches():
            stack.enter_context(mock.patch.object(target, name, answer))
        stack.enter_context(_EngineDevice())
        AcceleratorState._reset_state(reset_partial_state=True)  # accelerate keeps a process's first device
        stack.callback(AcceleratorState._reset_state, reset_partial_state=True)
        yield


def _patches() -> list[tuple[Any, str, Any]]:
    swap, dropout, move = torch.utils.swap_tensors, functional.dropout, Tensor.to
    attention = functional.scaled_dot_product_attention

    def swap_watched(first: Tensor, second: Tensor) -> None:
        with mock.patch.object(weakref, "getweakrefs", return_value=[]):  # those of the pretence itself
            swap(first, second)

    def card_dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if input.device.type == "cuda" and training and p:
            dropped: Tensor = torch.native_dropout(input, p, True)[0]
            return dropped
        return dropout(input, p, training, inplace)

    def card_attention(query: Tensor, *args: Any, **keys: Any) -> Tensor:
        if query.device.type == "cuda" and not torch.is_inference_mode_enabled():
            return _attention(query, *args, **keys)
        return attention(query, *args, **keys)

    def card_to(tensor: Tensor, *args: Any, **keys: Any) -> Tensor:
        return tensor if _is_there(tensor, *args, **keys) else move(tensor, *args, **keys)

    return [
        (torch.utils, "swap_tensors", swap_watched),
        (functional, "dropout", card_dropout),
        (functional, "scaled_dot_product_attention", card_attention),
        (Tensor, "to", card_to),
        (checkpoint, "get_device_states", lambda *args: ([], [])),
        (checkpoint, "set_device_states", lambda *args, **keys: None),
    ]


class _EngineDevice(TorchDispatchMode):
    """Tells torch's own code that tensors are on "meta", and puts what it makes there on the card."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.prim.device.default:
            return _META
        if func is torch.ops.aten._local_scalar_dense.default and args[0].device.type == "cpu":
            return 1.0  # an optimizer's count of steps, which divides
        if kwargs.get("device") == _META:
            kwargs = kwargs | {"device": _CARD}
        return func(*args, **kwargs)


def _is_there(tensor: Tensor, device: Any = None, *more: Any, **keys: Any) -> bool:
    """Return whether `tensor.to(device)` has nothing to do."""
    named = isinstance(device, str | torch.device) and not (more or keys.keys() - {"non_blocking"})
    return named and tensor.device.type == torch.device(device).type == "cuda"


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return attention by the kernel that torch chooses on a card: flash, efficient or plain arithmetic."""
    aten, same_heads = torch.ops.aten, query.shape[1] == key.shape[1]
    half = query.dtype in _HALVES and query.shape[-1] <= _FLASH_HEAD
    square = query.shape[2] == key.shape[2] or not is_causal
    flash = attn_mask is None and half and square and torch.cuda.get_device_capability() >= (8, 0)
    if flash and (same_heads or enable_gqa):
        out: Tensor = aten._scaled_dot_product_flash_attention(
            query, key, value, dropout_p, is_causal, False, scale=scale
        )[0]
        return out
    if same_heads:
        bias = _bias(attn_mask, query, key)
        out = aten._scaled_dot_product_efficient_attention(
            query, key, value, bias, True, dropout_p, is_causal, scale=scale
        )[0]
        return out
    out = aten._scaled_dot_product_attention_math(
        query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
    )[0]
    return out


def _bias(mask: Tensor | None, query: Tensor, key: Tensor) -> Tensor | None:
    """Return a mask as the efficient kernel takes it: added, with rows that begin at multiples of 8."""
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, -torch.inf)
    if any(stride % 8 for stride in mask.stride()[:-1]):
        mask = functional.pad(mask, (0, -mask.shape[-1] % 8))[..., : mask.shape[-1]]
    return mask.expand(*query.shape[:3], key.shape[2])
