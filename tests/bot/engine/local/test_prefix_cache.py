"""The prefix cache: reuse of a place's keys and values, shared beginnings, and forgetting."""

import asyncio
from pathlib import Path

import pytest

from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from tests.bot.engine.local.driver import (
    GREEDY,
    GUARD,
    HERE,
    NO_STOP,
    THERE,
    add_adapters,
    ask,
    prompt,
    read_rest,
    request,
    settings,
    text,
    texts,
    up_to,
)

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


async def test_forgetting_a_place_empties_its_prefix_cache(engine: LocalEngine) -> None:
    await texts(engine, request(1, place=HERE))
    assert engine.status().memory["prefix cache"] > 0
    await engine.forget(HERE)
    assert engine.status().memory["prefix cache"] == 0


async def test_forgetting_a_place_leaves_the_others(engine: LocalEngine) -> None:
    await texts(engine, request(1, 50, place=THERE))
    remembered = engine.status().memory["prefix cache"]
    await texts(engine, request(1, 50, place=HERE))
    assert engine.status().hit_rate == 0
    await engine.forget(HERE)
    assert engine.status().memory["prefix cache"] == remembered
    await texts(engine, request(1, 50, place=THERE))
    assert engine.status().hit_rate > 0


@pytest.mark.parametrize("rows", [1, 4])
async def test_running_and_waiting_requests_of_a_forgotten_place_are_not_cached(
    folder: Path, tmp_path: Path, rows: int
) -> None:
    async with LocalEngine(settings(folder, rows=rows), tmp_path) as engine, asyncio.timeout(GUARD):
        streams = [engine.generate(request(n, sampling=up_to(60), place=HERE)) for n in range(3)]
        await anext(streams[0])
        await engine.forget(HERE)
        for stream in streams:
            await read_rest(stream)
        assert engine.status().memory["prefix cache"] == 0
        await texts(engine, request(5, place=HERE))
        assert engine.status().memory["prefix cache"] > 0


async def test_places_adapters_and_strengths_share_no_prefix(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await add_adapters(engine, adapters)
    for place, adapter, strength in (
        (HERE, None, 1.0),
        (THERE, None, 1.0),
        (None, None, 1.0),
        (HERE, "a", 1.0),
        (HERE, "a", 0.5),
        (HERE, "b", 1.0),
        (THERE, "a", 1.0),
    ):
        await texts(engine, request(1, 50, place=place, adapter=adapter, strength=strength))
        assert engine.status().hit_rate == 0
    await texts(engine, request(1, 50, place=HERE, adapter="a"))
    assert engine.status().hit_rate == pytest.approx(49 / 400)


async def test_a_shared_beginning_outlives_its_place_and_not_its_adapter(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await add_adapters(engine, adapters)
    await texts(engine, request(1, 100, place=HERE, adapter="a", shared=60))
    await engine.forget(HERE)
    kept = engine.status().memory["prefix cache"]
    assert kept > 0
    await texts(engine, request(1, 100, place=THERE, adapter="b", shared=60))
    assert engine.status().hit_rate == 0
    await texts(engine, request(1, 100, place=THERE, adapter="a", shared=60))
    assert engine.status().hit_rate == pytest.approx(60 / 300)
    await engine.forget(THERE)
    await engine.drop_adapter("b")
    assert engine.status().memory["prefix cache"] == kept
    await engine.drop_adapter("a")
    assert engine.status().memory["prefix cache"] == 0


async def test_a_follow_up_is_answered_as_without_the_prefix_cache(engine: LocalEngine) -> None:
    ids, plain = prompt(1, 60), [prompt(1, 60)]
    for turn in range(4):
        (text,) = await texts(engine, Request(ids, GREEDY, place=HERE, stop_ids=NO_STOP))
        assert [text] == await texts(engine, Request(ids, GREEDY, stop_ids=NO_STOP))
        ids = (*ids, *prompt(2 + turn, 15))
        plain.append(ids)
    assert engine.status().hit_rate > 0.3


CARD = tuple(300 + i * 7 % 90 for i in range(60))  # the ids of a persona's card


async def test_other_places_reuse_the_shared_beginning_and_no_more(engine: LocalEngine) -> None:
    first = ask((*CARD, 301, 302, 303), place=HERE, shared=len(CARD))
    other = ask((*CARD, 301, 302, 309), place=THERE, shared=len(CARD))
    await text(engine, first)
    assert engine.status().hit_rate == 0
    found = await text(engine, other)
    assert engine.status().hit_rate == len(CARD) / (len(first.ids) + len(other.ids))
    assert found == await text(engine, ask(other.ids))


async def test_only_the_same_place_reuses_a_whole_prompt(engine: LocalEngine) -> None:
    first = ask((*CARD, 301, 302, 303), place=HERE)
    await text(engine, first)
    await text(engine, ask((*first.ids, 304), place=THERE))
    assert engine.status().hit_rate == 0
    found = await text(engine, ask((*first.ids, 304), place=HERE))
    assert engine.status().hit_rate == len(first.ids) / (3 * len(first.ids) + 2)
    assert found == await text(engine, ask((*first.ids, 304)))


async def test_a_forgotten_prompt_is_prefilled_again(engine: LocalEngine) -> None:
    await text(engine, ask(CARD, place=HERE))
    await engine.forget(HERE)
    await text(engine, ask(CARD, place=HERE))
    assert engine.status().hit_rate == 0
