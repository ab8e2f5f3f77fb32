"""Whole layers in one call: as near to float32 as torch's operators are, in every family that has them."""

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from bot.engine.kernels import matmul
from bot.engine.kernels.bf16_matmul import AmxMatmul, PackedMatmul, has_onednn_bf16
from bot.engine.kernels.compiler import load_library
from bot.engine.kernels.native import Native
from bot.engine.lora.registry import linear_layers
from bot.engine.model_executor.model_runner import ModelRunner
from tests.bot.engine.model_executor.layer_models import FAMILIES, answers, model

LIBRARY = load_library()
TILES = LIBRARY is not None and has_onednn_bf16("cpu") and Native(LIBRARY, torch.bfloat16).has_amx
needs_tiles = pytest.mark.skipif(not TILES, reason="this machine has no gcc, or no tiles")


@pytest.fixture(params=["tiled"])
def _kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers as small as these may be quicker as they are, by chance: these kernels are chosen."""

    def quickest(layers: Sequence[object], dtype: torch.dtype, native: Native | None = None) -> object:
        if request.param == "half":
            return matmul.fp16_matmul
        return PackedMatmul if native is None else partial(AmxMatmul, native=native)

    monkeypatch.setattr(matmul, "fastest_kernel", quickest)


@needs_tiles
@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("adapters", [(), ((16, 1), (5, 2))])
def test_whole_layers_are_as_near_to_float32_as_others(
    family: str, adapters: Sequence[tuple[int, int]]
) -> None:
    exact = answers(ModelRunner(model(family, torch.float32), family, 512), adapters)
    plain = answers(ModelRunner(model(family, torch.bfloat16), family, 512), adapters)
    whole = ModelRunner(model(family, torch.bfloat16), family, 512, library=LIBRARY)
    assert len(whole._native_model.layers) == 2
    mine = answers(whole, adapters)
    off, other = (float((logits - exact).norm() / exact.norm()) for logits in (mine, plain))
    assert off < 1.3 * other, (off, other)


@pytest.mark.skipif(LIBRARY is None or not matmul.has_fbgemm("cpu"), reason="no gcc, or no FBGEMM")
@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("_kernels", ["half"], indirect=True)
@pytest.mark.parametrize("family", FAMILIES)
def test_layers_in_float32_take_adapters_in_eight_bits(family: str) -> None:
    """As on a CPU without bfloat16: weights in 16 bits, activations in float32."""
    adapters = ((16, 1), (5, 2))
    plain = answers(ModelRunner(model(family, torch.bfloat16), family, 512), adapters)
    mine = ModelRunner(model(family, torch.bfloat16), family, 512, library=LIBRARY)
    assert mine.native is not None
    assert mine._native_model.layers == []
    assert float((answers(mine, adapters) - plain).norm() / plain.norm()) < 0.02


@needs_tiles
@pytest.mark.usefixtures("_kernels")
def test_nothing_of_a_step_stays_behind_it() -> None:
    """Keys and values may have to be forgotten while the engine is idle."""
    runner = ModelRunner(model("llama", torch.bfloat16), "llama", 512, library=LIBRARY)
    answers(runner)
    assert runner._context.native_step is None


@needs_tiles
@pytest.mark.usefixtures("_kernels")
def test_layers_of_another_kind_are_left_as_they_are() -> None:
    config = AutoConfig.for_model(
        "gemma2", hidden_size=128, intermediate_size=192, num_hidden_layers=1, head_dim=32,
        num_attention_heads=4, num_key_value_heads=2, vocab_size=320,
    )  # fmt: skip
    other = AutoModelForCausalLM.from_config(config).bfloat16().eval()
    assert linear_layers(other)
    assert ModelRunner(other, "gemma2", 512, library=LIBRARY)._native_model.layers == []
