"""Beam search of a local engine: the answers of transformers' `generate`, and the best text so far."""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoTokenizer, LlamaForCausalLM, LogitsProcessorList

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.local import driver
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


def search(ids: tuple[int, ...] = driver.IDS, tokens: int = 12, beams: int = 3, **more: Any) -> Request:
    sampling = more.pop("sampling", GREEDY)
    return driver.ask(ids, up_to(tokens, sampling), **({"beams": beams} | more))


def shown(engine: LocalEngine, ids: list[int], stop: tuple[str, ...] = ()) -> str:
    """Return the text of an answer's ids."""
    assert engine.loaded is not None
    detokenizer = Detokenizer(engine.loaded.tokenizer.decode_bytes, stop)
    return "".join([*map(detokenizer.push, ids), "" if detokenizer.stopped else detokenizer.flush()])


def theirs(given: Any, request: Request, **more: Any) -> list[int]:
    """Return the answer of transformers' `generate` without its stop id; `given` is a model or its folder."""
    model = LlamaForCausalLM.from_pretrained(given) if isinstance(given, Path) else given
    ends = sorted(request.stop_ids - driver.NO_STOP)
    output = model.generate(
        input_ids=torch.tensor([request.ids]),
        attention_mask=torch.ones(1, len(request.ids)),
        max_new_tokens=request.sampling.max_tokens,
        min_new_tokens=request.sampling.min_tokens or None,
        num_beams=request.beams,
        length_penalty=request.length_penalty,
        repetition_penalty=request.sampling.repetition_penalty,
        do_sample=False,
        early_stopping=False,
        eos_token_id=ends or None,
        pad_token_id=0,
        **more,
    )
    ids = output[0, len(request.ids) :].tolist()
    return ids[:-1] if ids[-1] in ends else ids


CASES = [(2, 1.0, 1.0), (3, 0.0, 1.0), (4, -1.0, 1.2), (5, 2.0, 1.0), (8, 0.6, 1.1)]


def ends(ids: tuple[int, ...], count: int) -> frozenset[int]:
    """Return so many stop ids that a prompt does not hold: the engine's penalties spare its own."""
    return frozenset([token for token in range(260, 400) if token not in ids][:count])


@pytest.mark.parametrize(("beams", "penalty", "repetition"), CASES)
async def test_an_answer_of_beams_is_that_of_transformers(
    engine: LocalEngine, folder: Path, beams: int, penalty: float, repetition: float
) -> None:
    sampling = GREEDY.model_copy(update={"repetition_penalty": repetition})
    prompts = [prompt(number, 1 + 40 * number) for number in range(12)]
    requests = [
        search(ids, 20, beams, sampling=sampling, length_penalty=penalty, stop_ids=ends(ids, 1 + 5 * number))
        for number, ids in enumerate(prompts)
    ]
    found = [await text(engine, request) for request in requests]
    assert found == [shown(engine, theirs(folder, request)) for request in requests]


async def test_penalties_and_biases_hold_by_each_beams_own_tokens(engine: LocalEngine, folder: Path) -> None:
    sampling = GREEDY.model_copy(update={"presence_penalty": -2.0, "frequency_penalty": 0.7})
    request = search(tokens=24, sampling=sampling, logit_bias={300: 3.0, 301: -4.0})

    def adjust(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        for row, tokens in enumerate(ids[:, len(request.ids) :].tolist()):
            scores[row, 300] += 3
            scores[row, 301] -= 4
            for token, count in Counter(tokens).items():
                scores[row, token] -= -2 + 0.7 * count
        return scores

    ids = theirs(folder, request, logits_processor=LogitsProcessorList([adjust]))
    assert await text(engine, request) == shown(engine, ids)
    assert max(Counter(ids).values()) > 1


async def test_spared_ids_are_not_penalised(engine: LocalEngine) -> None:
    plain, wordy = search(tokens=20), GREEDY.model_copy(update={"repetition_penalty": 1.5})
    spared = replace(plain, sampling=up_to(20, wordy), spared=frozenset(range(600)))
    bound = replace(spared, spared=frozenset())
    free, same, other = [await text(engine, each) for each in (plain, spared, bound)]
    assert same == free
    assert other != free


async def test_no_stop_id_comes_before_min_tokens(engine: LocalEngine, folder: Path) -> None:
    sampling = GREEDY.model_copy(update={"min_tokens": 9})
    request = search(tokens=20, sampling=sampling, stop_ids=ends(driver.IDS, 60))
    (answer,) = await answers(engine, request)
    assert answer.text == shown(engine, theirs(folder, request))
    assert (answer.finish, answer.tokens >= 9) == ("stop", True)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
async def test_a_stop_string_ends_a_beam(engine: LocalEngine, folder: Path, penalty: float) -> None:
    stops = ("e", "ng")
    request = search(prompt(3), 24, length_penalty=penalty, stop=stops)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = theirs(folder, request, stop_strings=list(stops), tokenizer=tokenizer)
    stream = engine.generate(request)
    pieces = [piece async for piece in stream]
    texts = [*accumulate(pieces, lambda so_far, piece: piece.added_to(so_far), initial="")]
    assert stream.answers[0].text == texts[-1] == shown(engine, ids, stops)
    assert stream.answers[0].finish == "stop"
    assert not [text for text in texts for stop in stops if stop in text]


async def test_the_best_text_so_far_may_change_anywhere_and_ends_in_the_answer(engine: LocalEngine) -> None:
    stream = engine.generate(search(prompt(5), 40, 6, length_penalty=0.0))
    pieces = [piece async for piece in stream]
    texts = [*accumulate(pieces, lambda so_far, piece: piece.added_to(so_far), initial="")]
    assert texts[-1] == stream.answers[0].text
    assert len({*texts}) == len(texts) > 5
    assert any(piece.replaces for piece in pieces)


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
