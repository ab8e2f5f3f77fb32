"""A step that fails or runs out of memory: one request fails at most, the others are answered as alone."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.local.driver import (
    GREEDY,
    HERE,
    HOT,
    MIXED,
    NO_MEMORY,
    NO_STOP,
    FailingCall,
    PatchedForward,
    add_adapters,
    ask,
    one_by_one,
    outcomes,
    prompt,
    raise_in_step,
    raise_whenever,
    request,
    text,
    texts,
)

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

BAD_ID = 17  # a token id at which the patched forward pass raises


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 13])
@pytest.mark.parametrize("error", [RuntimeError(NO_MEMORY), MemoryError(), KeyError("a bug")])
async def test_an_error_in_one_step_fails_no_request_of_a_batch(
    engine: LocalEngine, adapters: dict[str, Path], number: int, error: Exception
) -> None:
    await add_adapters(engine, adapters)
    expected = await one_by_one(engine, MIXED)
    PatchedForward(engine, raise_in_step(number, error))
    assert await outcomes(engine, MIXED) == expected


async def test_requests_too_large_for_one_batch_are_answered_one_by_one(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await add_adapters(engine, adapters)
    expected = await one_by_one(engine, MIXED)
    PatchedForward(engine, raise_whenever(lambda ids, step: len(step.spans) > 3, RuntimeError(NO_MEMORY)))
    assert await outcomes(engine, MIXED) == expected


@pytest.mark.parametrize("error", [RuntimeError(NO_MEMORY), IndexError("a bug")])
@pytest.mark.parametrize("length", [9, 90])
async def test_an_error_of_one_row_fails_its_request_only(
    engine: LocalEngine, adapters: dict[str, Path], error: Exception, length: int
) -> None:
    await add_adapters(engine, adapters)
    expected = await one_by_one(engine, MIXED)
    bad = Request((*prompt(8, length), BAD_ID), GREEDY, stop_ids=NO_STOP)
    PatchedForward(engine, raise_whenever(lambda ids, step: bool((ids == BAD_ID).any()), error))
    kind = "UserError" if isinstance(error, RuntimeError) else "IndexError"
    assert await outcomes(engine, [*MIXED[:2], bad, *MIXED[2:]]) == [*expected[:2], kind, *expected[2:]]


async def test_an_error_behind_the_first_tokens_fails_one_request_only(engine: LocalEngine) -> None:
    requests = [request(n, 5 + 30 * n, n=1 + n % 2) for n in range(4)]
    expected = await one_by_one(engine, requests)
    long = len(prompt(3, 95)) + 4

    def too_long(ids: torch.Tensor, step: Any) -> bool:
        return any(span.kv_slot.length >= long for span in step.spans)

    PatchedForward(engine, raise_whenever(too_long, RuntimeError(NO_MEMORY)))
    assert await outcomes(engine, requests) == [*expected[:3], "UserError"]


async def test_a_prompt_that_fits_once_the_prefix_cache_is_empty_is_answered(engine: LocalEngine) -> None:
    (expected,) = await one_by_one(engine, [request(1)])
    await texts(engine, request(2, place=HERE))
    assert engine.loaded is not None

    def crowded(ids: torch.Tensor, step: Any) -> bool:
        return engine.status().memory["prefix cache"] > 0

    PatchedForward(engine, raise_whenever(crowded, RuntimeError(NO_MEMORY)))
    assert await outcomes(engine, [request(1)]) == [expected]


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_running_out_of_memory_while_sampling_changes_no_answer(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    requests = [request(n, 9, HOT.model_copy(update={"min_tokens": n}), seed=n, n=2) for n in range(3)]
    expected = await one_by_one(engine, requests)
    failing = FailingCall(monkeypatch, torch, "searchsorted", number)
    assert await outcomes(engine, requests) == expected
    assert failing.raised


@pytest.mark.parametrize(
    "words", ["DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes", "CUDA out of memory."]
)
async def test_running_out_of_memory_fails_one_request(engine: LocalEngine, words: str) -> None:
    broken = PatchedForward(engine, raise_whenever(lambda ids, step: True, RuntimeError(words)))
    with pytest.raises(UserError, match="try a shorter"):
        await text(engine, ask())
    broken.undo()
    assert await text(engine, ask())


async def test_a_bug_fails_one_request_and_is_logged_without_text(
    engine: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    broken = PatchedForward(engine, raise_whenever(lambda ids, step: True, KeyError("words of a prompt")))
    with caplog.at_level(logging.DEBUG), pytest.raises(KeyError):
        await text(engine, ask())
    broken.undo()
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert (record.getMessage(), record.__dict__["error"]) == ("request_failed", "KeyError")
    assert "in before" in record.__dict__["stack"]
    assert not any("words of a prompt" in str(vars(record)) for record in caplog.records)
    assert await text(engine, ask())
