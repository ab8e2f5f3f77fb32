"""Private parts of bitsandbytes, as seen in version 0.50: its import compiles, and its layers.

`tests/bot/engine/model_loader/test_compat.py` fails when an upgrade changes one of them.
"""

import importlib

import torch
from torch import nn


def import_bitsandbytes() -> None:
    """Import bitsandbytes with `torch.compile` doing nothing.

    While it is imported, it compiles fallbacks for devices without kernels of its own. That loads all of
    torch's compiler, a second or two of every start, for functions that no supported device calls.
    """
    compile_ = torch.compile
    torch.compile = lambda function=None, **settings: function or (lambda plain: plain)  # type: ignore[assignment]
    try:
        importlib.import_module("bitsandbytes")
    finally:
        torch.compile = compile_


def is_quantised_linear(layer: nn.Module, in_4_bits: bool) -> bool:
    """Return whether a layer is bitsandbytes' linear layer in nf4 (`in_4_bits`) or int8."""
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    return isinstance(layer, Linear4bit if in_4_bits else Linear8bitLt)
