"""Patched and private parts of bitsandbytes and torch: an upgrade that changes one is noticed here."""

import platform
import subprocess
import sys

import pytest
import torch
from torch import nn

from bot.engine.model_loader.bitsandbytes_compat import import_bitsandbytes, is_quantised_linear
from bot.engine.model_loader.torch_compat import computes_bfloat16, cpu_computes_bfloat16


def test_importing_bitsandbytes_loads_no_compiler_and_leaves_torch_as_it_was() -> None:
    code = """
import sys, torch
from bot.engine.runtime.environment import prepare_environment
prepare_environment()
from bot.engine.model_loader.bitsandbytes_compat import import_bitsandbytes
before = torch.compile
import_bitsandbytes()
print(torch.compile is before, "bitsandbytes" in sys.modules, "torch._inductor.compile_fx" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True False\n"


def test_bitsandbytes_compiles_while_it_is_imported() -> None:
    """The reason for the patch: without it, this test fails and the patch can go."""
    code = """
import torch
calls = []
torch.compile = lambda function=None, **settings: calls.append(1) or function or (lambda plain: plain)
import bitsandbytes
print(len(calls) > 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_quantised_layers_are_told_apart() -> None:
    import_bitsandbytes()
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    layers = (Linear4bit(32, 32), Linear8bitLt(32, 32), nn.Linear(32, 32))
    assert [is_quantised_linear(layer, in_4_bits=True) for layer in layers] == [True, False, False]
    assert [is_quantised_linear(layer, in_4_bits=False) for layer in layers] == [False, True, False]


def test_torch_tells_whether_the_cpu_computes_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(cpu_computes_bfloat16(), bool)
    names = set(torch.cpu.get_capabilities())
    if "x86" in platform.machine():
        assert {"avx512_bf16", "amx_tile"} <= names
    elif platform.machine() in ("aarch64", "arm64"):
        assert {"bf16", "dot", "i8mm"} <= names
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert not cpu_computes_bfloat16()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_tile": True})
    assert cpu_computes_bfloat16()


@pytest.mark.parametrize(
    ("cpu", "features", "has_onednn", "computes"),
    [
        ("x86 with AVX2", {"avx2": True, "avx512_bf16": False, "amx_tile": False}, True, False),
        ("Zen 4", {"avx2": True, "avx512_bf16": True}, True, True),
        ("Sapphire Rapids", {"avx512_bf16": True, "amx_tile": True}, True, True),
        ("Raspberry Pi 5", {"neon": True, "dot": True, "bf16": False, "i8mm": False}, True, False),
        ("Graviton 2", {"neon": True, "dot": True, "bf16": False}, True, False),
        ("Graviton 3", {"neon": True, "dot": True, "bf16": True, "i8mm": True, "sve": True}, True, True),
        ("Apple M1, torch without oneDNN", {"neon": True, "dot": True, "bf16": False}, False, False),
        ("Apple M2, torch without oneDNN", {"neon": True, "dot": True, "bf16": True}, False, False),
        ("unknown", {}, False, False),
    ],
)
def test_a_cpu_computes_in_bfloat16_by_its_instructions_and_what_torch_has_for_them(
    cpu: str, features: dict[str, object], has_onednn: bool, computes: bool
) -> None:
    assert computes_bfloat16(features, has_onednn) == computes
