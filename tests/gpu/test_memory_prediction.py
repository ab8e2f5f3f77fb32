"""What is predicted of a card from config.json is what a loaded model then measures there."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from bot.engine.model_loader.memory_budget import CardBudget, card_budgets
from bot.engine.model_loader.memory_prediction import (
    CardRoom,
    ServingSizes,
    conversations_of,
    predict_budgets,
    sizes_of,
)
from bot.engine.model_loader.quantization import Precision
from bot.engine.model_loader.speed_prediction import bandwidth_of, predict_speed
from tests.fakes.card.card import CONTEXT_BYTES, pretended_card
from tests.fakes.card.models import config_of
from tests.gpu.models import CONTEXT, pretended_runner
from tests.gpu.test_spread import spread_runner

GIB = 1 << 30
OFF = 0.05  # of the card's memory, by which a prediction may be off
PAIRS = [
    pytest.param(6, "SmolLM3-3B", "nf4", marks=pytest.mark.slow),
    pytest.param(8, "Qwen2.5-7B", "nf4", marks=pytest.mark.slow),
    (12, "Llama-3.2-3B", "fp16"),
    pytest.param(16, "gemma-2-9b", "nf4", marks=pytest.mark.slow),
    pytest.param(24, "Llama-3.1-8B", "bf16", marks=pytest.mark.slow),
    pytest.param(24, "Mistral-Small-24B", "nf4", marks=pytest.mark.slow),
]


def sizes(name: str, precision: Precision) -> ServingSizes:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config_of(name))
    return sizes_of(model, precision, "cuda")


def parts(budget: CardBudget) -> dict[str, int]:
    names = ("others", "weights", "step", "adapters", "conversations")
    return {name: getattr(budget, name) for name in names}


@pytest.mark.parametrize(("size", "name", "precision"), PAIRS)
def test_a_cards_budget_is_predicted(size: int, name: str, precision: Precision) -> None:
    room = CardRoom(size * GIB, size * GIB - CONTEXT_BYTES)
    (predicted,) = predict_budgets(sizes(name, precision), [room], rows=32, context=CONTEXT)
    with pretended_card(memory=size * GIB), torch.inference_mode():
        (measured,) = card_budgets(pretended_runner(name, precision), rows=32, context=CONTEXT)
    assert predicted.token_bytes == measured.token_bytes
    assert parts(predicted) == pytest.approx(parts(measured), abs=OFF * size * GIB)


@pytest.mark.slow
def test_the_budgets_of_two_cards_are_predicted() -> None:
    room = CardRoom(12 * GIB, 12 * GIB - CONTEXT_BYTES)
    predicted = predict_budgets(sizes("Llama-3.1-8B", "bf16"), [room, room], rows=8, context=CONTEXT)
    with pretended_card(memory=12 * GIB, count=2), torch.inference_mode():
        measured = card_budgets(spread_runner("Llama-3.1-8B"), rows=8, context=CONTEXT)
    assert [one.token_bytes for one in predicted] == [one.token_bytes for one in measured]
    for ours, theirs in zip(predicted, measured, strict=True):
        assert parts(ours) == pytest.approx(parts(theirs), abs=OFF * 12 * GIB)


def test_scales_of_nf4_are_a_part_of_the_weights() -> None:
    found = sizes("Qwen2.5-7B", "nf4")
    assert found.scales == pytest.approx(6.53e9 / 64 * (1 + 4 / 256), rel=0.01)
    assert sizes("Qwen2.5-7B", "bf16").scales == 0


def test_conversations_take_whole_slots() -> None:
    budget = CardBudget(torch.device("cuda", 0), 0, 0, 0, 0, 0, conversations=4 * 4096 * 10, token_bytes=10)
    assert [conversations_of([budget], length) for length in (4000, 4096, 4097, 1000)] == [4, 4, 3, 16]


@pytest.mark.parametrize(
    ("name", "clock", "bus", "expected"),
    [
        ("NVIDIA GeForce RTX 3060", 0, 0, 360e9),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 0, 0, 576e9),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", 0, 0, 672e9),
        ("Tesla T4", 0, 0, 320e9),
        ("NVIDIA A100-SXM4-80GB", 0, 0, 2039e9),
        ("NVIDIA RTX 6000 Ada Generation", 0, 0, 960e9),
        ("A card of next year", 7_501_000, 192, 360.048e9),
        ("A card of next year", 0, 0, None),
    ],
)
def test_the_bandwidth_of_a_card_is_known_by_its_name_or_its_memory(
    name: str, clock: int, bus: int, expected: float | None
) -> None:
    assert bandwidth_of(name, clock, bus) == expected


def test_a_table_of_embeddings_is_not_read_unless_it_is_the_head() -> None:
    tied, untied = sizes("Llama-3.2-3B", "bf16"), sizes("Llama-3.1-8B", "bf16")
    assert tied.read == tied.weights
    assert untied.weights - untied.read == 2 * 128256 * 4096


def test_eight_rows_read_the_weights_once() -> None:
    found = sizes("Llama-3.1-8B", "nf4")
    one, eight = (predict_speed(found, 360 * 10**9, rows) for rows in (1, 8))
    assert one.tokens_per_second == pytest.approx(
        360e9 / (found.read + found.adapter + 1000 * 131072), rel=1e-6
    )
    assert eight.tokens_per_second == pytest.approx(
        8 * 360e9 / (found.read + 8 * (found.adapter + 1000 * 131072)), rel=1e-6
    )
