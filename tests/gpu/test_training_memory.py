"""What trains on a card: each recommendation of config.toml, by the trainer's sums and by a whole step."""

import pytest

from bot.errors import UserError
from tests.fakes.card.card import pretended_card
from tests.fakes.card.training import training_pass
from tests.gpu.models import recommended, size_of
from tests.gpu.training import invented_examples, plan_training, train_once

GIB = 1 << 30
EXAMPLES = invented_examples(24, tokens=2048, labels=150)  # a step and a half, of long chats
OFF = 0.1  # of the peak, by which a plan may be off


@pytest.mark.parametrize(("size", "name"), recommended(quick=0))
def test_a_recommended_model_trains_within_the_card_and_as_planned(size: int, name: str) -> None:
    with pretended_card(memory=size * GIB) as card:
        planned = plan_training(size_of(name), EXAMPLES)
        with training_pass():
            peak = train_once(planned)
        assert peak <= card.memory.total - card.memory.others
    assert planned.parts.total - planned.parts.process == pytest.approx(peak, rel=OFF)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("Qwen2.5-0.5B", {"precision": "bf16"}, marks=pytest.mark.slow),
        ("Llama-3.2-1B", {"deep": True}),
        pytest.param("SmolLM2-1.7B", {"precision": "fp16"}, marks=pytest.mark.slow),
        pytest.param("Llama-3.2-3B", {"checkpointing": True}, marks=pytest.mark.slow),
        pytest.param("Qwen3-4B", {"dropout": 0.0, "rank": 64}, marks=pytest.mark.slow),
        pytest.param("gemma-2-2b", {"deep": True, "checkpointing": True}, marks=pytest.mark.slow),
    ],
)
def test_a_plan_holds_for_other_recipes(name: str, options: dict[str, object]) -> None:
    with pretended_card(memory=80 * GIB):
        planned = plan_training(name, EXAMPLES[:4], **options)  # type: ignore[arg-type]
        with training_pass():
            peak = train_once(planned)
    assert planned.parts.total - planned.parts.process == pytest.approx(peak, rel=OFF)


@pytest.mark.parametrize(
    ("size", "name", "largest"),
    [
        (6, "Qwen2.5-7B", "Qwen3-4B"),
        (8, "Qwen3-8B", "Llama-3.1-8B"),
        (12, "Qwen2.5-14B", "gemma-2-9b"),
        (16, "Mistral-Small-24B", "Qwen2.5-14B"),
    ],
)
def test_a_model_that_is_too_large_is_refused_with_figures_and_a_smaller_one_trains(
    size: int, name: str, largest: str
) -> None:
    refusal = r"Training needs about .* GB of memory, and .* GB can be had"
    with pretended_card(memory=size * GIB), pytest.raises(UserError, match=refusal):
        plan_training(name, EXAMPLES)
    with pretended_card(memory=size * GIB):
        plan_training(largest, EXAMPLES)
