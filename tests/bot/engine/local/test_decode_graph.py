"""Decoding one step ahead, captured or not: layouts, graphs that are kept, and a capture that fails."""

import itertools
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.attention.card_batch import CardBatch
from bot.engine.core import graph_trial
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.engine.model_executor import decode_graph
from bot.engine.model_executor.decode_batch import rounded_length, rounded_rows
from bot.engine.model_executor.decode_graph import Graph, StepOutput
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader import loader
from bot.engine.sampling import card_sampler
from tests.bot.engine.local.driver import HOT, NO_MEMORY, add_adapters, outcomes, request, settings, up_to
from tests.fakes.replay import ReplayCapture

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def lay_out_for_cards(monkeypatch: pytest.MonkeyPatch, capture: object = None) -> None:
    monkeypatch.setattr(loader, "ModelRunner", partial(ModelRunner, batch_type=CardBatch))
    monkeypatch.setattr(graph_trial, "capture_on", lambda devices: capture)


@given(st.integers(1, 200))
def test_rows_are_rounded_up_to_few_counts(rows: int) -> None:
    rounded = rounded_rows(rows)
    assert rows <= rounded < 2 * rows or rows == rounded == 1
    assert rounded in (1, 2, 4) or rounded % 8 == 0
    assert rounded_rows(rounded) == rounded


@given(st.integers(1, 131_072), st.integers(1, 131_072))
def test_lengths_are_rounded_up_by_at_most_an_eighth(length: int, room: int) -> None:
    capacity = max(length, room)
    rounded = rounded_length(length, capacity)
    assert length <= rounded <= capacity
    assert rounded - length < max(256, 2 * length / 8)
    assert rounded_length(rounded, capacity) == rounded


async def answers(folder: Path, data: Path, adapters: dict[str, Path]) -> list[list[str] | str]:
    """Return answers to requests that begin, sample and end differently, asked together."""
    async with LocalEngine(settings(folder), data) as engine:
        await add_adapters(engine, adapters)
        return await outcomes(engine, requests())


def requests() -> list[Request]:
    # wide, but not so wide that the card sorts all tokens at once
    broad = HOT.model_copy(update={"top_p": 0.94, "max_tokens": 30})
    penalised = broad.model_copy(update={"repetition_penalty": 1.8, "min_tokens": 5})
    counted = broad.model_copy(update={"presence_penalty": 0.6, "frequency_penalty": 0.3})
    return [
        request(1, 20, up_to(40)),
        request(2, 250, broad, seed=1, adapter="a"),  # over the first rounded length
        request(3, 9, penalised, seed=2, adapter="b", strength=0.8, stop_ids=frozenset(range(260, 300))),
        request(4, 30, broad, seed=3, n=3),
        request(6, 12, counted, seed=4, n=2, logit_bias={300: 3.0, 301: -2.0}),
        request(5, 5, up_to(1)),
    ]


@pytest.mark.parametrize("captured", [False, True])
async def test_a_choice_that_is_not_settled_on_the_card_is_made_by_the_host(
    folder: Path, tmp_path: Path, adapters: dict[str, Path], captured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await answers(folder, tmp_path, adapters)
    monkeypatch.setattr(card_sampler, "SECOND_COUNT", 3)
    unsettled = watch_unsettled(monkeypatch)
    lay_out_for_cards(monkeypatch, ReplayCapture() if captured else None)
    assert await answers(folder, tmp_path, adapters) == expected
    assert unsettled() > 10


async def test_where_nothing_narrows_a_choice_the_card_sorts_all_tokens_and_settles_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hot() -> list[list[str] | str]:
        async with LocalEngine(settings(folder), tmp_path) as engine:
            return await outcomes(engine, [request(n, 20, up_to(25, HOT), seed=n) for n in range(3)])

    expected = await hot()
    monkeypatch.setattr(card_sampler, "SECOND_COUNT", 3)
    unsettled = watch_unsettled(monkeypatch)
    lay_out_for_cards(monkeypatch, ReplayCapture())
    assert await hot() == expected
    assert unsettled() == 0


def watch_unsettled(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count tokens that were taken back."""
    counts, note = [0], card_sampler.CardSampler.note_sampled

    def counted(self: card_sampler.CardSampler, slots: list[int], count: int = 1) -> None:
        counts[0] += count < 0
        note(self, slots, count)

    monkeypatch.setattr(card_sampler.CardSampler, "note_sampled", counted)
    return lambda: counts[0]


async def test_graphs_are_kept_up_to_a_limit_and_steps_replay_them(
    folder: Path, tmp_path: Path, adapters: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await answers(folder, tmp_path, adapters)
    monkeypatch.setattr(decode_graph, "MAX_GRAPHS", 2)
    capture = ReplayCapture()
    lay_out_for_cards(monkeypatch, capture)
    async with LocalEngine(settings(folder), tmp_path) as engine:
        await add_adapters(engine, adapters)
        assert await outcomes(engine, requests()) == expected
        assert capture.captures > 3
        assert capture.replays > 3 * capture.captures


async def test_the_setting_leaves_graphs_off(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = ReplayCapture()
    lay_out_for_cards(monkeypatch, capture)
    async with LocalEngine(settings(folder, graphs=False), tmp_path) as engine:
        await outcomes(engine, [request(1, 20, up_to(20))])
    assert capture.captures == 0


class Refusing:
    """A capture that fails after so many others."""

    def __init__(self, good: int, error: BaseException) -> None:
        self.capture, self.good, self.error = ReplayCapture(), good, error

    def __call__(self, step: Callable[[], StepOutput]) -> tuple[Graph, StepOutput]:
        if self.capture.captures >= self.good:
            raise self.error
        return self.capture(step)

    def forget(self) -> None:
        self.capture.forget()

    def refusing_waits(self) -> AbstractContextManager[None]:
        return nullcontext()


class Stale(ReplayCapture):
    """A capture whose replays compute nothing anew."""

    def __call__(self, step: Callable[[], StepOutput]) -> tuple[Graph, StepOutput]:
        return _Nothing(), step()


class _Nothing:
    def replay(self) -> None:
        pass


UNSUPPORTED = RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")
TOLD = "RuntimeError: CUDA error: operation not permitted when stream is capturing"


@pytest.mark.parametrize(
    ("capture", "reason"),
    [
        (Refusing(0, UNSUPPORTED), TOLD),
        (Refusing(2, UNSUPPORTED), TOLD),
        (Refusing(2, RuntimeError("CUDA out of memory.")), "RuntimeError: CUDA out of memory."),
        (Refusing(0, NotImplementedError()), "NotImplementedError: "),
        (Refusing(0, ValueError("no")), "ValueError: no"),
        (Refusing(0, MemoryError()), "MemoryError: "),
        (Stale(), "captured steps compute other numbers"),
    ],
    ids=["at the start", "later", "memory", "without words", "another kind", "main memory", "other numbers"],
)
async def test_where_a_capture_fails_or_differs_steps_are_launched_one_by_one(
    capture: object,
    reason: str,
    folder: Path,
    tmp_path: Path,
    adapters: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = await answers(folder, tmp_path, adapters)
    lay_out_for_cards(monkeypatch, capture)
    with caplog.at_level(logging.WARNING):
        assert await answers(folder, tmp_path, adapters) == expected
    told = [record.__dict__["reason"] for record in caplog.records if record.msg == "decode_graphs_off"]
    assert told == [reason]


async def test_a_trial_that_finds_no_room_leaves_graphs_off_and_every_slot_free(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out_for_cards(monkeypatch, ReplayCapture())
    begin, calls = card_sampler.CardSampler._begin, itertools.count(1)

    def failing(self: card_sampler.CardSampler, *rest: Any) -> None:
        if next(calls) == 2:
            raise RuntimeError(NO_MEMORY)
        begin(self, *rest)

    monkeypatch.setattr(card_sampler.CardSampler, "_begin", failing)
    two = [request(1, 20), request(2, 20)]
    async with LocalEngine(settings(folder, rows=2), tmp_path) as engine:
        assert [len(one) for one in await outcomes(engine, two)] == [1, 1]
        assert len((await outcomes(engine, [request(4, 9, n=2)]))[0]) == 2


async def test_a_cache_for_one_short_row_has_room_for_the_trial(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out_for_cards(monkeypatch, ReplayCapture())
    monkeypatch.setattr(loader, "_cache_bytes", lambda settings, runner, budgets: 300 * runner.token_bytes)
    async with LocalEngine(settings(folder), tmp_path) as engine:
        assert [len(one) for one in await outcomes(engine, [request(1, 20), request(2, 20)])] == [1, 1]
