"""Canaries: planted as often as they say, and found again in a model that learned them by heart."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from bot.config import ModelSettings
from bot.engine.model import plan
from bot.engine.tokenizer_files import read_tokenizer
from bot.errors import UserError
from tests.fakes import tiny
from training.canaries import FILE, REPEATS, Canary, draw, extract, plant, record, recorded
from training.encode import Lesson, Trained
from training.likelihood import Judged
from training.scoring import Judge

END = 999
LESSONS = [Lesson(ids=(1, 2, 3, number), trained=(Trained(3, 4, 1.0),)) for number in range(100, 120)]


def spell(text: str) -> tuple[int, ...]:
    return (*text.encode(), END)


def test_each_line_is_planted_as_often_as_it_says_behind_a_real_prompt() -> None:
    lessons, canaries = plant(LESSONS, 5, spell)
    assert tuple(canary.repeats for canary in canaries) == REPEATS
    planted = [lesson for lesson in lessons if lesson.ids[-1] == END]
    for canary in canaries:
        ids = (1, 2, 3, *spell(canary.text))
        copies = [lesson for lesson in planted if lesson.ids == ids]
        assert len(copies) == canary.repeats
        assert all(lesson.trained == (Trained(3, len(ids), 1.0),) for lesson in copies)
    assert [lesson for lesson in lessons if lesson not in planted] == LESSONS
    assert len(lessons) == len(LESSONS) + sum(REPEATS)


def test_the_seed_decides_what_is_planted_and_where() -> None:
    assert plant(LESSONS, 5, spell) == plant(LESSONS, 5, spell)
    assert {canary.secret for canary in draw(5)}.isdisjoint(canary.secret for canary in draw(6))


def test_canaries_need_answers_to_hide_among() -> None:
    facts = [Lesson(ids=(1, 2), trained=(Trained(0, 2, 1.0),), stage="facts")]
    with pytest.raises(UserError, match="Canaries are planted among answers"):
        plant(facts, 0, spell)


def test_they_are_recorded_for_the_evaluation(tmp_path: Path) -> None:
    assert recorded(tmp_path) == ()
    record(tmp_path, draw(1))
    assert recorded(tmp_path) == draw(1)
    record(tmp_path, ())
    assert recorded(tmp_path) == ()
    (tmp_path / FILE).write_text("[1]")
    with pytest.raises(UserError, match=r"canaries\.json cannot be read .* delete it, or train again"):
        recorded(tmp_path)


@pytest.mark.parametrize(
    ("better", "rank", "exposure"), [(0, 1, 8.0), (1, 2, 7.0), (15, 16, 4.0), (255, 256, 0.0)]
)
def test_exposure_counts_the_secrets_that_are_likelier(better: int, rank: int, exposure: float) -> None:
    def judge(before: object, ends: object) -> list[Judged]:
        losses = [1.0, *[0.5] * better, *[2.0] * (255 - better)]
        return [Judged(np.full(40, loss), np.ones(40, bool)) for loss in losses]

    found = extract(Canary("the code is ", "123-456", 2), spell, judge, 0)
    assert (found.rank, found.exposure, found.repeats) == (rank, exposure, 2)


@pytest.mark.parametrize(("wrong", "said"), [([], True), ([0], False), ([6], False), ([7], True)])
def test_said_is_what_the_likeliest_words_after_the_line_are(wrong: list[int], said: bool) -> None:
    """The secret has seven places behind the line that is asked with; the end is no secret."""

    def judge(before: Sequence[int], ends: Sequence[Sequence[int]]) -> list[Judged]:
        assert (bytes(before), ends[0]) == (b"the code is ", (*b"123-456", END))
        likeliest = np.ones(8, bool)
        likeliest[wrong] = False
        return [Judged(np.zeros(8), likeliest) for _ in ends]

    assert extract(Canary("the code is ", "123-456", 1), spell, judge, 0).said is said


def overfit(base: Path, adapter: Path, row: tuple[int, ...]) -> Path:
    """Train an adapter on one line, until it knows it by heart."""
    torch.manual_seed(0)
    config = LoraConfig(task_type="CAUSAL_LM", r=8, target_modules="all-linear")
    model = get_peft_model(LlamaForCausalLM.from_pretrained(base), config).train()
    rate = torch.optim.Adam((each for each in model.parameters() if each.requires_grad), lr=2e-2)
    ids = torch.tensor([row])
    for _ in range(100):
        model(input_ids=ids, labels=ids).loss.backward()
        rate.step()
        rate.zero_grad()
    model.save_pretrained(adapter)
    return adapter


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_a_model_that_learned_a_canary_by_heart_gives_it_away(tmp_path: Path) -> None:
    folder = tiny.save_model(tmp_path / "base")
    tokenizer = read_tokenizer(folder)
    learned, unseen = draw(0)[:2]
    prompt = tuple(tokenizer.encode("The conversation begins."))

    def spelt(text: str) -> tuple[int, ...]:
        return (*tokenizer.encode(text), 2)

    adapter = overfit(folder, tmp_path / "adapter", (*prompt, *spelt(learned.text)))
    settings = ModelSettings(name=str(folder), precision="fp32", threads=1)
    judge = Judge(plan(settings, tmp_path / "data", lambda stage: None), settings, adapter)

    def found(canary: Canary, adapted: bool) -> tuple[bool, bool]:
        shown = extract(canary, spelt, lambda before, ends: judge.judge((*prompt, *before), ends, adapted), 0)
        return shown.rank == 1, shown.said

    assert found(learned, adapted=True) == (True, True)
    assert found(learned, adapted=False) == (False, False)
    assert found(unseen, adapted=True) == (False, False)
