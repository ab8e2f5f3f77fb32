"""Models whose numbers overflow float16, as on cards without bfloat16: real numbers on the CPU."""

import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from bot.engine.attention.card_batch import CardBatch
from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.model_executor import probes
from bot.engine.model_executor.fused_layers import CardNorm
from bot.engine.model_executor.model_runner import ModelRunner
from bot.errors import UserError
from tests.fakes.card.card import pretended_card
from tests.fakes.families import FAMILIES, LONG, save, save_adapter
from tests.gpu.models import pretended_runner
from tests.gpu.overflowing import OUTPUT, PRODUCT, RESIDUAL, save_overflowing
from tests.gpu.test_card_layout import CAPACITIES, STEPS, load_runner, logits

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

# One of each kind: plain, biases, norms of heads, norms behind layers, layers that are not fused, no gate.
NAMES = ("llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "gpt2")
CASES = [(name, RESIDUAL) for name in NAMES] + [(name, OUTPUT) for name in NAMES]
CASES += [(name, PRODUCT) for name in NAMES if name != "gpt2"]
ALONE = ((300,), ((40,), (1,), (1,)))
MIXED = (CAPACITIES, STEPS)  # seven rows, under adapters of strength 0.5 to 1 and under none
CLOSE = 0.005  # in float16 such models move by 0.1% to 0.3% where nothing overflows


@pytest.fixture(autouse=True)
def no_fbgemm(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a card: FBGEMM would compute a model of float16 in float32."""
    monkeypatch.setattr("bot.engine.kernels.matmul.has_fbgemm", lambda device: False)


def rows(runner: ModelRunner, batch: tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]) -> list[Tensor]:
    return [row[None].cpu() for _, _, row in logits(runner, *batch)]


@pytest.mark.parametrize("batch_type", [CardBatch, ForwardBatch])
@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_model_that_overflows_float16_answers_as_in_float32(
    name: str, place: str, batch_type: type[ForwardBatch], tmp_path: Path
) -> None:
    base = save_overflowing(name, place, tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float16).requires_grad_(False)
    assert not probes.are_finite(probes.single_logits(plain, torch.device("cpu")))
    exact = load_runner(name, base, tmp_path, batch_type)
    wide = load_runner(name, base, tmp_path, batch_type, torch.float16)
    for batch in (ALONE, MIXED):
        assert probes.relative_error(rows(wide, batch), rows(exact, batch)) < CLOSE


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("name", "place"), [("gemma2", RESIDUAL), ("qwen2", OUTPUT), ("qwen2", PRODUCT)])
def test_a_model_that_overflows_on_a_card_answers_as_in_float32(
    name: str, place: str, tmp_path: Path
) -> None:
    base = save_overflowing(name, place, tmp_path)
    exact = load_runner(name, base, tmp_path, CardBatch)
    wide = load_runner(name, base, tmp_path, CardBatch, torch.float16, "cuda")
    assert probes.relative_error(rows(wide, MIXED), rows(exact, MIXED)) < CLOSE


@pytest.mark.parametrize("place", [RESIDUAL, OUTPUT, PRODUCT])
def test_adapters_change_the_answers_of_such_a_model(place: str, tmp_path: Path) -> None:
    base = save_overflowing("llama", place, tmp_path)
    adapted = load_runner("llama", base, tmp_path, CardBatch, torch.float16)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float16)
    plain = ModelRunner(model.eval().requires_grad_(False), "llama", LONG, batch_type=CardBatch)
    assert probes.relative_error(rows(adapted, ALONE), rows(plain, ALONE)) > 10 * CLOSE


def test_keys_values_and_adapters_of_such_a_model_stay_in_float16(tmp_path: Path) -> None:
    base = save_overflowing("llama", RESIDUAL, tmp_path)
    exact = load_runner("llama", base, tmp_path, CardBatch)
    wide = load_runner("llama", base, tmp_path, CardBatch, torch.float16)
    assert 2 * wide.token_bytes == exact.token_bytes
    assert 2 * wide.active_adapters.bytes == exact.active_adapters.bytes


def test_norms_of_such_a_model_read_float32_on_a_card() -> None:
    with pretended_card(memory=24 << 30), torch.inference_mode():
        runner = pretended_runner("Llama-3.2-1B", "fp16", overflows=True)
        norms = [module for module in runner.model.modules() if isinstance(module, CardNorm)]
        assert {norm.weight.dtype for norm in norms} == {torch.float32}


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_fits_float16_is_computed_in_it_alone(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base, linear = save(name, tmp_path / "base"), FAMILIES[name].linear
    for adapter in ("wide", "narrow"):
        save_adapter(name, base, tmp_path / adapter, 4, linear)
    runner = load_runner(name, base, tmp_path, CardBatch, torch.float16)
    assert {row.dtype for row in rows(runner, MIXED)} == {torch.float16}
    assert all(linear.scaling is None for linear in runner._linears)
    assert not caplog.records


def test_what_is_computed_in_float32_is_logged_once_with_its_cost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = save_overflowing("gemma2", RESIDUAL, tmp_path)
    with caplog.at_level(logging.WARNING):
        load_runner("gemma2", base, tmp_path, CardBatch, torch.float16)
    (record,) = caplog.records
    assert record.message == "half_precision_overflowed"
    assert "memory of a step" in vars(record)["cost"]


@pytest.mark.parametrize("path", ["model.embed_tokens", "model.layers.0.mlp.down_proj", "model.norm"])
def test_weights_that_are_infinite_in_float16_are_still_refused(path: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save("llama", tmp_path), dtype=torch.float16)
    model.get_submodule(path).weight.detach()[..., 3] = torch.inf
    told = 'its numbers are too large for float16; set .* to "bf16", or to "fp32" where memory allows'
    with pytest.raises(UserError, match=told):
        ModelRunner(model.eval(), "a model", LONG, batch_type=CardBatch)
