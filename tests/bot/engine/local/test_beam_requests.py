"""Requests for beam search beside others: rows, ends, memory, and what is refused."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import LlamaForCausalLM

from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.local import driver
from tests.bot.engine.local.beams import ends, search, shown, theirs
from tests.bot.engine.local.driver import (
    GREEDY,
    add_adapters,
    answers,
    one_by_one,
    outcomes,
    prompt,
    settings,
    text,
    up_to,
)

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


async def test_one_beam_is_a_greedy_answer(engine: LocalEngine) -> None:
    greedy = driver.ask(sampling=up_to(24))
    assert await text(engine, replace(greedy, length_penalty=3.0)) == await text(engine, greedy)


async def test_temperature_and_seed_play_no_part(engine: LocalEngine) -> None:
    hot = up_to(20, driver.HOT.model_copy(update={"repetition_penalty": 1.0}))
    found = await asyncio.gather(
        *(
            text(engine, search(tokens=20, sampling=sampling, seed=seed))
            for sampling in (GREEDY, hot)
            for seed in (1, 2)
        )
    )
    assert len(set(found)) == 1


async def test_beams_beside_other_requests_change_none_of_them(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await add_adapters(engine, adapters)
    requests = [
        *driver.MIXED,
        search(prompt(7, 60), 20, 4),
        search(prompt(8, 300), 20, 3, adapter="a", length_penalty=0.0),
        search(prompt(9, 2), 20, 8, stop_ids=ends(prompt(9, 2), 20)),
    ]
    expected = await one_by_one(engine, requests)
    assert await outcomes(engine, requests) == expected


async def test_beams_under_an_adapter_are_those_of_peft(
    engine: LocalEngine, folder: Path, adapters: dict[str, Path]
) -> None:
    await add_adapters(engine, adapters)
    request = search(tokens=24, beams=4, length_penalty=0.5, stop_ids=ends(driver.IDS, 30))
    adapted = replace(request, adapter="b")
    model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(folder), adapters["b"])
    found = [await text(engine, each) for each in (request, adapted)]
    assert found == [shown(engine, theirs(folder, request)), shown(engine, theirs(model, request))]
    assert found[0] != found[1]


@pytest.mark.parametrize("limits", [{}, {"deadline": 1.0}])
async def test_an_abandoned_search_gives_the_best_text_so_far_and_its_rows(
    engine: LocalEngine, limits: dict[str, float]
) -> None:
    stream, found = engine.generate(search(tokens=1900, beams=8, **limits)), ""
    async for piece in stream:
        found = piece.added_to(found)
        if not limits and len(found) > 20:
            assert engine.status().rows == 8
            stream.cancel()
    (answer,) = stream.answers
    assert (answer.text, answer.finish) == (found, "deadline" if limits else "cancelled")
    assert 0 < answer.tokens < 1900
    assert (engine.status().rows, engine.status().running) == (0, 0)
    assert await text(engine, search()) == await text(engine, search())


async def test_beams_fill_the_context(folder: Path, tmp_path: Path) -> None:
    ids = prompt(4, 600)
    async with LocalEngine(settings(folder, context=620), tmp_path) as small:
        (answer,) = await answers(small, search(ids, 500))
        assert (answer.tokens, answer.finish) == (20, "length")
        assert answer.text == shown(small, theirs(folder, search(ids, 20)))


async def test_beams_wait_for_rows(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder, rows=4), tmp_path) as small:
        await small.ready()
        requests = [search(prompt(number), 10, 3) for number in range(3)]
        assert await outcomes(small, requests) == await one_by_one(small, requests)
        assert await outcomes(small, [search(beams=5)]) == ["UserError"]
        with pytest.raises(UserError, match="fewer beams"):
            await text(small, search(beams=5))


async def test_a_chat_goes_on_from_the_keys_and_values_of_a_search(engine: LocalEngine) -> None:
    first = prompt(1, 200)
    second = (*first, *prompt(2, 40))
    expected = await text(engine, search(second, 20))
    await answers(engine, search(first, 20, place=driver.HERE))
    before = engine.status().reused_tokens
    assert await text(engine, search(second, 20, place=driver.HERE)) == expected
    assert engine.status().reused_tokens - before >= len(first)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    ("owner", "name"), [(torch.Tensor, "topk"), (torch, "zeros"), (torch.Tensor, "repeat")]
)
async def test_running_out_of_memory_in_a_search_harms_no_other_request(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, number: int
) -> None:
    wordy = GREEDY.model_copy(update={"repetition_penalty": 1.2})
    requests = [driver.request(1, 20), search(prompt(2, 30), 12, 3, sampling=wordy)]
    expected = await one_by_one(engine, requests)
    driver.FailingCall(monkeypatch, owner, name, number)
    found = await outcomes(engine, requests)
    assert found[0] == expected[0]
    assert found[1] in (expected[1], "UserError")
    assert await outcomes(engine, requests) == expected
    assert engine.status().rows == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beams": 9}, "from 1 to 8 beams"),
        ({"beams": 0}, "from 1 to 8 beams"),
        ({"n": 2}, "set n to 1"),
        ({"logprobs": 0}, "leave logprobs out"),
        ({"length_penalty": float("nan")}, "set length_penalty to that"),
        ({"length_penalty": -10.5}, "set length_penalty to that"),
    ],
)
async def test_a_search_that_no_request_may_have_is_refused(
    engine: LocalEngine, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        await text(engine, search(**wrong))
