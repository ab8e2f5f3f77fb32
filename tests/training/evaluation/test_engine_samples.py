"""Requests of an evaluation: one prompt for several answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot import config
from bot.engine.interface import Answer, Request, Status, Timings
from bot.persona.persona import Sampling
from training.evaluation import engine_samples
from training.evaluation.engine_samples import group_requests, sample_answers

ONE, OTHER = Request((1, 2), Sampling(), seed=1), Request((1, 3), Sampling(), seed=1)


def test_requests_that_differ_by_their_seed_alone_are_grouped_up_to_a_number() -> None:
    asked = [replace(each, seed=number) for number in range(10) for each in (ONE, OTHER)]
    assert group_requests(asked, 8) == [[*range(0, 16, 2)], [16, 18], [*range(1, 16, 2)], [17, 19]]


def test_another_adapter_or_strength_is_another_request() -> None:
    asked = [ONE, replace(ONE, adapter="adapter"), replace(ONE, adapter="adapter", strength=0.5)]
    assert group_requests(asked, 8) == [[0], [1], [2]]


def test_no_requests_have_no_groups() -> None:
    assert group_requests([], 8) == []


@dataclass
class FixedAnswers:
    """An ended generation, and the engine that gives it to every request."""

    answers: tuple[Answer, ...]

    async def ready(self) -> None: ...

    def status(self) -> Status:
        return Status("ready", "model")

    async def add_adapter(self, name: str, folder: Path) -> None: ...

    @asynccontextmanager
    async def generate(self, request: Request) -> AsyncIterator["FixedAnswers"]:
        yield self

    async def __aiter__(self) -> AsyncIterator[str]:
        for answer in self.answers:
            yield answer.text

    async def __aenter__(self) -> "FixedAnswers":
        return self

    async def __aexit__(self, *raised: object) -> None: ...


@pytest.mark.parametrize(
    ("text", "name", "tidied"),
    [
        (" hello \n", "Mara", "hello"),
        ("Mara: hello", "Mara", "hello"),
        ("MARA：你好", "Mara", "你好"),
        ("Mara", "Mara", "Mara"),
        ("STRAUSS: hello", "Strauß", "hello"),
        ("", "Mara", ""),
    ],
)
def test_samples_are_tidied_as_the_bot_tidies_whole_answers(
    text: str, name: str, tidied: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FixedAnswers((Answer(text, 2, 1, "stop", Timings(0, 0, 0)),))
    monkeypatch.setattr(engine_samples, "LocalEngine", lambda *_: engine)
    (tmp_path / "config.toml").touch()
    settings = config.load_config(tmp_path / "config.toml", {})
    asked = {"dialogue": [ONE]}
    assert sample_answers(settings, tmp_path, asked, lambda count: None, name) == {"dialogue": [tidied]}


def test_lines_of_the_prompts_other_speakers_are_no_part_of_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FixedAnswers((Answer("Mara: Aye.\nAnn: so?", 2, 1, "stop", Timings(0, 0, 0)),))
    monkeypatch.setattr(engine_samples, "LocalEngine", lambda *_: engine)
    (tmp_path / "config.toml").touch()
    settings = config.load_config(tmp_path / "config.toml", {})
    samples = sample_answers(
        settings, tmp_path, {"dialogue": [ONE]}, lambda count: None, "Mara", others={"dialogue": [("Ann",)]}
    )
    assert samples == {"dialogue": ["Aye."]}
