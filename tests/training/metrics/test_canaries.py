"""Canaries: planted as often as they say, and extracted from a model that learned them by heart."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from bot.config import ModelSettings
from bot.engine.model_loader.load_plan import plan_load
from bot.engine.tokenizer.files import read_tokenizer
from bot.errors import UserError
from tests.fakes import tiny
from training.evaluation.forced_scoring import ForcedScorer
from training.metrics.canaries import (
    FILE,
    REPEATS,
    Canary,
    draw_canaries,
    extract_canary,
    plant_canaries,
    record_canaries,
    recorded_canaries,
)
from training.metrics.likelihood import TokenLosses
from training.tokenization.examples import TokenizedExample

END = 999


def example(ids: Sequence[int], trained: int) -> TokenizedExample:
    """Return an example whose last ids are labels."""
    weights = np.repeat(np.array([0, 1], np.float32), [len(ids) - trained, trained])
    return TokenizedExample(np.array(ids, np.int32), weights, 1, "dialogue")


EXAMPLES = [example((1, 2, 3, *range(number, number + 60)), 60) for number in range(100, 120)]


def encode(text: str) -> tuple[int, ...]:
    return (*text.encode(), END)


def test_each_line_is_planted_as_often_as_it_says_behind_a_real_prompt() -> None:
    rows = plant_canaries(EXAMPLES, draw_canaries(5), 5, encode)
    planted = [each for each in rows if each.ids[-1] == END]
    for canary, repeats in zip(draw_canaries(5), REPEATS, strict=True):
        wanted = example((1, 2, 3, *encode(canary.text)), len(encode(canary.text)))
        copies = [each for each in planted if np.array_equal(each.ids, wanted.ids)]
        assert len(copies) == canary.repeats == repeats
        assert all(np.array_equal(each.weights, wanted.weights) for each in copies)
    assert [each for each in rows if each.ids[-1] != END] == EXAMPLES
    assert len(rows) == len(EXAMPLES) + sum(REPEATS)


def test_the_seed_determines_canaries_and_their_places() -> None:
    first, again = (plant_canaries(EXAMPLES, draw_canaries(5), 5, encode) for _ in range(2))
    assert [each.ids.tolist() for each in first] == [each.ids.tolist() for each in again]
    assert {canary.secret for canary in draw_canaries(5)}.isdisjoint(
        canary.secret for canary in draw_canaries(6)
    )


def test_canaries_need_answers_to_hide_among() -> None:
    with pytest.raises(UserError, match="Canaries are planted among answers"):
        plant_canaries([], draw_canaries(0), 0, encode)


def test_no_canary_is_longer_than_the_longest_example_where_a_prompt_leaves_room() -> None:
    long = example((*range(1, 71), 9), 1)
    rows = plant_canaries([*EXAMPLES, long], draw_canaries(5), 5, encode)
    assert max(len(each.ids) for each in rows) == len(long.ids)


def test_canaries_are_recorded_for_the_evaluation(tmp_path: Path) -> None:
    assert recorded_canaries(tmp_path) == ()
    record_canaries(tmp_path, draw_canaries(1))
    assert recorded_canaries(tmp_path) == draw_canaries(1)
    record_canaries(tmp_path, ())
    assert recorded_canaries(tmp_path) == ()
    (tmp_path / FILE).write_text("[1]")
    with pytest.raises(UserError, match=r"canaries\.json cannot be read .* delete it, or train again"):
        recorded_canaries(tmp_path)


@pytest.mark.parametrize(
    ("better", "rank", "exposure"), [(0, 1, 8.0), (1, 2, 7.0), (15, 16, 4.0), (255, 256, 0.0)]
)
def test_exposure_counts_the_secrets_that_are_likelier(better: int, rank: int, exposure: float) -> None:
    def score(before: object, ends: object) -> list[TokenLosses]:
        losses = [1.0, *[0.5] * better, *[2.0] * (255 - better)]
        return [TokenLosses(np.full(40, loss), np.ones(40, bool)) for loss in losses]

    found = extract_canary(Canary("the code is ", "123-456", 2), encode, score, 0)
    assert (found.rank, found.exposure, found.repeats) == (rank, exposure, 2)


@pytest.mark.parametrize(("wrong", "said"), [([], True), ([0], False), ([6], False), ([7], True)])
def test_a_canary_is_said_where_the_likeliest_continuation_is_its_secret(
    wrong: list[int], said: bool
) -> None:
    """The secret has seven ids behind the line; the end of the answer is no secret."""

    def score(before: Sequence[int], ends: Sequence[Sequence[int]]) -> list[TokenLosses]:
        assert (bytes(before), ends[0]) == (b"the code is ", (*b"123-456", END))
        likeliest = np.ones(8, bool)
        likeliest[wrong] = False
        return [TokenLosses(np.zeros(8), likeliest) for _ in ends]

    assert extract_canary(Canary("the code is ", "123-456", 1), encode, score, 0).said is said


def overfit(base: Path, adapter: Path, row: tuple[int, ...]) -> Path:
    """Train an adapter on one example until it completes the example."""
    torch.manual_seed(0)
    config = LoraConfig(task_type="CAUSAL_LM", r=8, target_modules="all-linear")
    model = get_peft_model(LlamaForCausalLM.from_pretrained(base), config).train()
    optimizer = torch.optim.Adam((each for each in model.parameters() if each.requires_grad), lr=2e-2)
    ids = torch.tensor([row])
    for _ in range(100):
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(adapter)
    return adapter


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_a_canary_is_extracted_from_a_model_that_learned_it_by_heart(tmp_path: Path) -> None:
    folder = tiny.save_model(tmp_path / "base")
    tokenizer = read_tokenizer(folder)
    learned, unseen = draw_canaries(0)[:2]
    prompt = tuple(tokenizer.encode("The conversation begins."))

    def encode_answer(text: str) -> tuple[int, ...]:
        return (*tokenizer.encode(text), 2)

    adapter = overfit(folder, tmp_path / "adapter", (*prompt, *encode_answer(learned.text)))
    settings = ModelSettings(name=str(folder), precision="fp32", threads=1)
    scorer = ForcedScorer(plan_load(settings, tmp_path / "data", lambda stage: None), settings, adapter)

    def found(canary: Canary, adapted: bool) -> tuple[bool, bool]:
        shown = extract_canary(
            canary, encode_answer, lambda before, ends: scorer.score((*prompt, *before), ends, adapted), 0
        )
        return shown.rank == 1, shown.said

    assert found(learned, adapted=True) == (True, True)
    assert found(learned, adapted=False) == (False, False)
    assert found(unseen, adapted=True) == (False, False)
