"""Life of a local engine and of its requests: loading, status, cancelling, deadlines, leaving."""

import asyncio
from pathlib import Path

import pytest

from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.local.driver import answers, ask, settings, text, up_to


async def test_cancelling_ends_the_iteration_with_the_text_so_far(engine: LocalEngine) -> None:
    stream = engine.generate(ask(sampling=up_to(2000)))
    found = ""
    async with stream:
        async for piece in stream:
            found += piece.text
            stream.cancel()
    assert stream.answers[0].finish == "cancelled"
    assert stream.answers[0].text == found
    assert stream.answers[0].tokens < 2000


async def test_leaving_a_generation_cancels_it(engine: LocalEngine) -> None:
    async with engine.generate(ask(sampling=up_to(2000))) as stream:
        await anext(stream)
    assert await text(engine, ask())


async def test_a_request_cancelled_in_prefill_ends_without_text(engine: LocalEngine) -> None:
    stream = engine.generate(ask((300,) * 2000))
    stream.cancel()
    assert [piece async for piece in stream] == []
    assert stream.answers[0].finish == "cancelled"


@pytest.mark.parametrize("limits", [{"deadline": 0.0}, {"first_deadline": 0.0}])
async def test_a_deadline_ends_an_answer_with_the_text_so_far(
    engine: LocalEngine, limits: dict[str, float]
) -> None:
    (answer,) = await answers(engine, ask(**limits))
    assert (answer.finish, answer.text, answer.tokens) == ("deadline", "", 0)


async def test_the_first_deadline_is_over_with_the_first_piece(engine: LocalEngine) -> None:
    (answer,) = await answers(engine, ask(sampling=up_to(2000), first_deadline=1.0, deadline=1.5))
    assert answer.finish == "deadline"
    assert answer.text


async def test_a_request_waits_until_the_model_is_loaded(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        assert engine.status().state == "loading"
        assert await text(engine, ask())


async def test_leaving_while_the_model_loads_ends_what_waits(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        waiting = asyncio.create_task(answers(engine, ask()))
        ready = asyncio.create_task(engine.ready())
        await asyncio.sleep(0)
    assert (await waiting)[0].finish == "cancelled"
    with pytest.raises(UserError, match="not running"):
        await ready


async def test_leaving_during_an_answer_ends_it_as_cancelled(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        stream = engine.generate(ask(sampling=up_to(2000)))
        first = await anext(stream)
    rest = [piece.text async for piece in stream]
    assert stream.answers[0].finish == "cancelled"
    assert stream.answers[0].text == first.text + "".join(rest)
    assert not engine.abandoned


async def test_an_engine_that_was_left_refuses_requests(engine: LocalEngine) -> None:
    await engine.__aexit__(None, None, None)
    with pytest.raises(UserError, match="not running"):
        await text(engine, ask())
    with pytest.raises(UserError, match="not running"):
        await engine.tokenizer()
    assert engine.status().state == "stopped"


async def test_a_model_that_cannot_be_loaded_fails_every_request_alike(tmp_path: Path) -> None:
    async with LocalEngine(settings(tmp_path / "nothing"), tmp_path) as engine:
        messages = []
        for waiting in (engine.ready(), engine.tokenizer(), text(engine, ask()), text(engine, ask())):
            with pytest.raises(UserError) as error:
                await waiting
            messages.append(str(error.value))
        assert set(messages) == {engine.status().error}
        assert engine.status().state == "failed"


async def test_the_status_says_what_the_engine_does(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder, rows=4), tmp_path) as engine:
        await engine.ready()
        stream = engine.generate(ask(sampling=up_to(2000), n=3))
        other = engine.generate(ask(sampling=up_to(2000), n=2))
        for _ in range(9):
            await anext(stream)
        busy = engine.status()
        assert (busy.state, busy.model, busy.running, busy.rows, busy.queued) == (
            "ready",
            str(folder),
            1,
            3,
            1,
        )
        assert busy.tokens_per_second > 0
        assert set(busy.memory) == {
            "weights", "registered adapters", "active adapters", "running sequences", "prefix cache"
        }  # fmt: skip
        for one in (stream, other):
            one.cancel()
            async for _ in one:
                pass
        assert engine.status().answered == 2
        assert 0 < engine.status().first_token[0] <= engine.status().first_token[1]


async def test_the_tokenizer_comes_from_the_model(engine: LocalEngine) -> None:
    tokenizer = await engine.tokenizer()
    assert tokenizer.special["eos_token"] == "</s>"
    assert tokenizer.end == {2}
    assert tokenizer.decode(tokenizer.encode("Hello <s> there")) == "Hello <s> there"
