"""The engine on its thread: what it answers, how it stops, and that one bad request harms no other."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from bot.config import ModelSettings
from bot.engine.core.detokenizer import Detokenizer
from bot.engine.interface import Answer, Request
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from bot.message import Place
from bot.persona.persona import Sampling
from tests.fakes import tiny

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=24)
HOT = Sampling(temperature=1.5, top_p=1.0, min_p=0.0, repetition_penalty=1.0, max_tokens=24)
IDS = (1, 300, 301, 302, 303)
NO_STOP = frozenset({100_000})  # an id that never comes


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
async def engine(folder: Path, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        await engine.ready()
        yield engine


def settings(folder: Path, **more: object) -> ModelSettings:
    plain = {"name": str(folder), "precision": "fp32", "context": 2048, "threads": 1}
    return ModelSettings.model_validate(plain | more)


def request(ids: tuple[int, ...] = IDS, sampling: Sampling = GREEDY, **more: Any) -> Request:
    return Request(ids, sampling, **({"stop_ids": NO_STOP} | more))


async def answers(engine: LocalEngine, request: Request) -> tuple[Answer, ...]:
    generation = engine.generate(request)
    parts = [""] * request.n
    async for piece in generation:
        parts[piece.candidate] += piece.text
    assert [answer.text for answer in generation.answers] == parts
    return generation.answers


async def text(engine: LocalEngine, request: Request) -> str:
    return (await answers(engine, request))[0].text


def theirs(engine: LocalEngine, folder: Path, ids: tuple[int, ...], tokens: int = 24) -> str:
    """What `generate` of transformers answers, greedily."""
    model = LlamaForCausalLM.from_pretrained(folder)
    output = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=tokens, do_sample=False,
        eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    assert engine.loaded is not None
    shown = Detokenizer(engine.loaded.tokenizer.decode_bytes)
    return "".join(shown.push(token) for token in output[0, len(ids) :].tolist())


def break_forward(engine: LocalEngine, error: BaseException | None) -> None:
    """Make every forward pass raise, until it is called with None."""
    assert engine.loaded is not None
    model = engine.loaded.model
    model.__dict__.pop("forward", None)
    if error is not None:

        def forward(input_ids: object, logits_to_keep: int = 0, **more: object) -> None:
            raise error

        model.forward = forward


@pytest.mark.parametrize("length", [1, 5, 255, 256, 257, 775])
async def test_a_greedy_answer_is_that_of_transformers(
    engine: LocalEngine, folder: Path, length: int
) -> None:
    ids = tuple(300 + i * 7 % 90 for i in range(length))
    assert await text(engine, request(ids)) == theirs(engine, folder, ids)


async def test_an_answer_counts_its_tokens_and_says_how_it_ended(engine: LocalEngine) -> None:
    (answer,) = await answers(engine, request())
    assert (answer.prompt_tokens, answer.tokens, answer.finish) == (5, 24, "length")
    assert 0 <= answer.timings.queued <= answer.timings.first_token <= answer.timings.total


async def test_greedy_candidates_are_all_the_same(engine: LocalEngine) -> None:
    alone = await text(engine, request())
    assert [answer.text for answer in await answers(engine, request(n=3))] == [alone] * 3


async def test_a_seed_gives_the_same_candidates_again(engine: LocalEngine) -> None:
    first, again = [await answers(engine, request(sampling=HOT, seed=5, n=3)) for _ in range(2)]
    assert [answer.text for answer in first] == [answer.text for answer in again]
    assert len({answer.text for answer in first}) == 3


async def test_the_first_candidate_is_the_answer_of_one_alone(engine: LocalEngine) -> None:
    several = await answers(engine, request(sampling=HOT, seed=5, n=3))
    assert several[0].text == await text(engine, request(sampling=HOT, seed=5))


async def test_without_a_seed_answers_differ(engine: LocalEngine) -> None:
    assert len({await text(engine, request(sampling=HOT)) for _ in range(3)}) > 1


async def test_candidates_end_one_by_one(engine: LocalEngine) -> None:
    free = await answers(engine, request(sampling=HOT, seed=5, n=3))
    stop = free[1].text[3:5]
    bound = await answers(engine, request(sampling=HOT, seed=5, n=3, stop=(stop,)))
    assert [answer.text for answer in bound] == [answer.text.split(stop)[0] for answer in free]
    assert bound[1].finish == "stop"


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_an_answer_ends_before_a_stop_string(engine: LocalEngine, length: int) -> None:
    free = await text(engine, request())
    stop = free[6 : 6 + length]
    (answer,) = await answers(engine, request(stop=(stop, "never there")))
    assert (answer.text, answer.finish) == (free[: free.index(stop)], "stop")


async def test_a_stop_id_ends_an_answer_and_is_no_part_of_it(engine: LocalEngine) -> None:
    assert engine.loaded is not None
    free = await text(engine, request())
    spell = engine.loaded.tokenizer.decode_bytes
    size = engine.loaded.model.config.vocab_size
    stop = frozenset(
        token for token in range(size) if spell(token) and spell(token).decode("utf-8", "replace") in free
    )
    (answer,) = await answers(engine, request(stop_ids=stop))
    assert answer.finish == "stop"
    assert answer.tokens < 24
    assert free.startswith(answer.text)


async def test_no_end_comes_before_the_fewest_tokens(engine: LocalEngine) -> None:
    everything = frozenset(range(engine.loaded.model.config.vocab_size)) - {305}  # type: ignore[union-attr]
    (answer,) = await answers(
        engine, request(sampling=GREEDY.model_copy(update={"min_tokens": 4}), stop_ids=everything)
    )
    assert (answer.tokens, answer.finish) == (4, "stop")


async def test_prompt_and_answer_fit_the_context(engine: LocalEngine) -> None:
    (answer,) = await answers(engine, request((300,) * 2040))
    assert (answer.tokens, answer.finish) == (8, "length")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (request(()), "prompt is empty"),
        (request((300,) * 2048), "2,048 tokens"),
        (request(adapter="nobody"), 'no adapter "nobody"'),
        (request(strength=float("nan")), "strength goes from 0 to 1.5"),
    ],
)
async def test_a_request_that_cannot_be_answered_says_why(
    engine: LocalEngine, bad: Request, reason: str
) -> None:
    with pytest.raises(UserError, match=reason):
        await text(engine, bad)
    assert await text(engine, request())


@pytest.mark.parametrize("ids", [(100_000,), (-1,)])
async def test_an_id_that_the_model_does_not_know_fails_one_request(
    engine: LocalEngine, ids: tuple[int]
) -> None:
    with pytest.raises(ValueError, match="does not know"):
        await text(engine, request(ids))
    assert await text(engine, request())


async def test_cancelling_ends_the_iteration_with_what_there_is(engine: LocalEngine) -> None:
    generation = engine.generate(request(sampling=long()))
    got = ""
    async with generation:
        async for piece in generation:
            got += piece.text
            generation.cancel()
    assert generation.answers[0].finish == "cancelled"
    assert generation.answers[0].text == got
    assert generation.answers[0].tokens < 2000


async def test_leaving_a_generation_makes_room_for_the_next(engine: LocalEngine) -> None:
    async with engine.generate(request(sampling=long())) as generation:
        await anext(generation)
    assert await text(engine, request())


async def test_a_prompt_is_dropped_between_two_chunks(engine: LocalEngine) -> None:
    generation = engine.generate(request((300,) * 2000))
    generation.cancel()
    assert [piece async for piece in generation] == []
    assert generation.answers[0].finish == "cancelled"


@pytest.mark.parametrize("limits", [{"deadline": 0.0}, {"first_deadline": 0.0}])
async def test_a_deadline_ends_an_answer_with_what_there_is(
    engine: LocalEngine, limits: dict[str, float]
) -> None:
    (answer,) = await answers(engine, request(**limits))
    assert (answer.finish, answer.text, answer.tokens) == ("deadline", "", 0)


async def test_the_first_deadline_is_over_with_the_first_piece(engine: LocalEngine) -> None:
    (answer,) = await answers(engine, request(sampling=long(), first_deadline=1.0, deadline=1.5))
    assert answer.finish == "deadline"
    assert answer.text


async def test_a_step_that_hangs_does_not_hold_the_caller(
    engine: LocalEngine, release: asyncio.Event
) -> None:
    hang(engine, release)
    (answer,) = await answers(engine, request(deadline=0.1))
    assert answer.finish == "deadline"


async def test_a_step_that_hangs_does_not_hold_who_cancels(
    engine: LocalEngine, release: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.core.output_stream.DEADLINE_GRACE", 0.05)
    hang(engine, release)
    generation = engine.generate(request())
    generation.cancel()
    async with asyncio.timeout(10):
        assert [piece async for piece in generation] == []
    assert generation.answers[0].finish == "cancelled"


async def test_requests_are_answered_in_the_order_they_came(folder: Path, tmp_path: Path) -> None:
    done: list[int] = []

    async def one(place: int) -> None:
        await text(engine, request())
        done.append(place)

    async with LocalEngine(settings(folder, rows=1), tmp_path) as engine:
        await asyncio.gather(*(one(place) for place in range(6)))
    assert done == list(range(6))


@pytest.mark.parametrize(
    "words", ["DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes", "CUDA out of memory."]
)
async def test_running_out_of_memory_fails_one_request(engine: LocalEngine, words: str) -> None:
    break_forward(engine, RuntimeError(words))
    with pytest.raises(UserError, match="try a shorter"):
        await text(engine, request())
    break_forward(engine, None)
    assert await text(engine, request())


async def test_a_bug_fails_one_request_and_is_logged_without_text(
    engine: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    break_forward(engine, KeyError("what they said"))
    with caplog.at_level(logging.DEBUG), pytest.raises(KeyError):
        await text(engine, request())
    break_forward(engine, None)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert (record.getMessage(), record.__dict__["error"]) == ("request_failed", "KeyError")
    assert "in forward" in record.__dict__["stack"]
    assert not any("what they said" in str(vars(record)) for record in caplog.records)
    assert await text(engine, request())


async def test_output_that_is_no_number_fails_one_request(engine: LocalEngine) -> None:
    assert engine.loaded is not None
    hook = engine.loaded.model.lm_head.register_forward_hook(lambda *a: a[2] * float("nan"))
    with pytest.raises(UserError, match="not a number"):
        await text(engine, request())
    hook.remove()
    assert await text(engine, request())


async def test_a_request_waits_until_the_model_is_loaded(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        assert engine.status().state == "loading"
        assert await text(engine, request())


async def test_leaving_while_the_model_loads_ends_what_waits(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        waiting = asyncio.create_task(answers(engine, request()))
        ready = asyncio.create_task(engine.ready())
        await asyncio.sleep(0)
    assert (await waiting)[0].finish == "cancelled"
    with pytest.raises(UserError, match="not running"):
        await ready


async def test_leaving_during_an_answer_ends_it_as_cancelled(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        generation = engine.generate(request(sampling=long()))
        first = await anext(generation)
    rest = [piece.text async for piece in generation]
    assert generation.answers[0].finish == "cancelled"
    assert generation.answers[0].text == first.text + "".join(rest)
    assert not engine.abandoned


async def test_an_engine_that_is_left_while_a_step_hangs_is_abandoned(
    folder: Path, tmp_path: Path, release: asyncio.Event
) -> None:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        await engine.ready()
        hang(engine, release)
        waiting = asyncio.create_task(answers(engine, request()))
        await asyncio.sleep(0.05)
    assert engine.abandoned
    assert (await waiting)[0].finish == "cancelled"


async def test_an_engine_that_was_left_answers_nothing(engine: LocalEngine) -> None:
    await engine.__aexit__(None, None, None)
    with pytest.raises(UserError, match="not running"):
        await text(engine, request())
    with pytest.raises(UserError, match="not running"):
        await engine.tokenizer()
    assert engine.status().state == "stopped"


async def test_a_model_that_cannot_be_loaded_fails_every_request_alike(tmp_path: Path) -> None:
    async with LocalEngine(settings(tmp_path / "nothing"), tmp_path) as engine:
        said = []
        for ask in (engine.ready(), engine.tokenizer(), text(engine, request()), text(engine, request())):
            with pytest.raises(UserError) as error:
                await ask
            said.append(str(error.value))
        assert set(said) == {engine.status().error}
        assert engine.status().state == "failed"


async def test_the_status_says_what_the_engine_does(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder, rows=4), tmp_path) as engine:
        await engine.ready()
        generation = engine.generate(request(sampling=long(), n=3))
        other = engine.generate(request(sampling=long(), n=2))
        for _ in range(9):
            await anext(generation)
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
        for one in (generation, other):
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


def long() -> Sampling:
    return GREEDY.model_copy(update={"max_tokens": 2000})


@pytest.fixture
async def release() -> AsyncIterator[asyncio.Event]:
    import threading

    event = threading.Event()
    yield event  # type: ignore[misc]
    event.set()


def hang(engine: LocalEngine, release: Any) -> None:
    """Make every forward pass wait for the event."""
    assert engine.loaded is not None
    forward = engine.loaded.model.forward

    def slow(*arguments: Any, logits_to_keep: int = 0, **more: Any) -> Any:
        release.wait(20)
        return forward(*arguments, logits_to_keep=logits_to_keep, **more)

    engine.loaded.model.forward = slow


def place(name: str) -> Place:
    return Place("test", "bot", name)


CARD = tuple(300 + i * 7 % 90 for i in range(60))


async def test_a_shared_beginning_serves_other_places_and_no_more_than_it(engine: LocalEngine) -> None:
    first = request((*CARD, 301, 302, 303), place=place("a"), shared=len(CARD))
    other = request((*CARD, 301, 302, 309), place=place("b"), shared=len(CARD))
    await text(engine, first)
    assert engine.status().hit_rate == 0
    told = await text(engine, other)
    assert engine.status().hit_rate == len(CARD) / (len(first.ids) + len(other.ids))
    assert told == await text(engine, request(other.ids))


async def test_a_place_alone_reads_again_what_it_has_read(engine: LocalEngine) -> None:
    first = request((*CARD, 301, 302, 303), place=place("a"))
    await text(engine, first)
    await text(engine, request((*first.ids, 304), place=place("b")))
    assert engine.status().hit_rate == 0
    told = await text(engine, request((*first.ids, 304), place=place("a")))
    assert engine.status().hit_rate == len(first.ids) / (3 * len(first.ids) + 2)
    assert told == await text(engine, request((*first.ids, 304)))


async def test_what_was_forgotten_is_read_anew(engine: LocalEngine) -> None:
    await text(engine, request(CARD, place=place("a")))
    await engine.forget(place("a"))
    await text(engine, request(CARD, place=place("a")))
    assert engine.status().hit_rate == 0
