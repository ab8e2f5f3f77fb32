"""Answers of a local engine: those of transformers, their candidates, ends and refusals."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from bot.persona.persona import Sampling
from tests.bot.engine.local import driver
from tests.bot.engine.local.driver import answers, text, up_to

GREEDY, HOT = up_to(24), up_to(24, driver.HOT.model_copy(update={"repetition_penalty": 1.0}))


def ask(ids: tuple[int, ...] = driver.IDS, sampling: Sampling = GREEDY, **more: Any) -> Request:
    return driver.ask(ids, sampling, **more)


def theirs(engine: LocalEngine, folder: Path, ids: tuple[int, ...], tokens: int = 24) -> str:
    """Return the greedy answer of transformers' `generate`."""
    model = LlamaForCausalLM.from_pretrained(folder)
    output = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=tokens, do_sample=False,
        eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    assert engine.loaded is not None
    shown = Detokenizer(engine.loaded.tokenizer.decode_bytes)
    return "".join(shown.push(token) for token in output[0, len(ids) :].tolist())


@pytest.mark.parametrize("length", [1, 5, 255, 256, 257, 775])
async def test_a_greedy_answer_is_that_of_transformers(
    engine: LocalEngine, folder: Path, length: int
) -> None:
    ids = tuple(300 + i * 7 % 90 for i in range(length))
    assert await text(engine, ask(ids)) == theirs(engine, folder, ids)


def penalised(folder: Path, ids: tuple[int, ...], sampling: Sampling, tokens: int) -> list[int]:
    """Return the greedy answer of transformers' logits after penalties of presence and frequency."""
    model, answer = LlamaForCausalLM.from_pretrained(folder), list[int]()
    for _ in range(tokens):
        with torch.inference_mode():
            logits = model(torch.tensor([[*ids, *answer]])).logits[0, -1].tolist()
        for token, count in Counter(answer).items():
            logits[token] -= sampling.presence_penalty + sampling.frequency_penalty * count
        answer.append(max(range(len(logits)), key=logits.__getitem__))
    return answer


@pytest.mark.parametrize(("presence", "frequency"), [(2.0, 0.0), (0.0, 1.3), (1.1, 0.7), (-2.0, -0.2)])
async def test_a_penalised_answer_is_that_of_transformers_logits(
    engine: LocalEngine, folder: Path, presence: float, frequency: float
) -> None:
    penalties = {"presence_penalty": presence, "frequency_penalty": frequency}
    sampling = GREEDY.model_copy(update=penalties)
    plain, found = await asyncio.gather(text(engine, ask()), text(engine, ask(sampling=sampling)))
    assert engine.loaded is not None
    shown = Detokenizer(engine.loaded.tokenizer.decode_bytes)
    ids = penalised(folder, driver.IDS, sampling, 24)
    assert found == "".join(shown.push(token) for token in ids)
    assert plain == theirs(engine, folder, driver.IDS)


async def test_an_answer_counts_its_tokens_and_says_how_it_ended(engine: LocalEngine) -> None:
    (answer,) = await answers(engine, ask())
    assert (answer.prompt_tokens, answer.tokens, answer.finish) == (5, 24, "length")
    assert 0 <= answer.timings.queued <= answer.timings.first_token <= answer.timings.total


async def test_greedy_candidates_are_all_the_same(engine: LocalEngine) -> None:
    alone = await text(engine, ask())
    assert [answer.text for answer in await answers(engine, ask(n=3))] == [alone] * 3


async def test_a_seed_gives_the_same_candidates_again(engine: LocalEngine) -> None:
    first, again = [await answers(engine, ask(sampling=HOT, seed=5, n=3)) for _ in range(2)]
    assert [answer.text for answer in first] == [answer.text for answer in again]
    assert len({answer.text for answer in first}) == 3


async def test_the_first_candidate_is_the_answer_of_one_alone(engine: LocalEngine) -> None:
    several = await answers(engine, ask(sampling=HOT, seed=5, n=3))
    assert several[0].text == await text(engine, ask(sampling=HOT, seed=5))


async def test_without_a_seed_answers_differ(engine: LocalEngine) -> None:
    assert len({await text(engine, ask(sampling=HOT)) for _ in range(3)}) > 1


async def test_candidates_end_one_by_one(engine: LocalEngine) -> None:
    free = await answers(engine, ask(sampling=HOT, seed=5, n=3))
    stop = free[1].text[3:5]
    bound = await answers(engine, ask(sampling=HOT, seed=5, n=3, stop=(stop,)))
    assert [answer.text for answer in bound] == [answer.text.split(stop)[0] for answer in free]
    assert bound[1].finish == "stop"


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_an_answer_ends_before_a_stop_string(engine: LocalEngine, length: int) -> None:
    free = await text(engine, ask())
    stop = free[6 : 6 + length]
    (answer,) = await answers(engine, ask(stop=(stop, "never there")))
    assert (answer.text, answer.finish) == (free[: free.index(stop)], "stop")


async def test_a_stop_id_ends_an_answer_and_is_no_part_of_it(engine: LocalEngine) -> None:
    assert engine.loaded is not None
    free = await text(engine, ask())
    decode_bytes = engine.loaded.tokenizer.decode_bytes
    size = engine.loaded.model.config.vocab_size
    stop = frozenset(
        token
        for token in range(size)
        if decode_bytes(token) and decode_bytes(token).decode("utf-8", "replace") in free
    )
    (answer,) = await answers(engine, ask(stop_ids=stop))
    assert answer.finish == "stop"
    assert answer.tokens < 24
    assert free.startswith(answer.text)


async def test_no_stop_id_comes_before_min_tokens(engine: LocalEngine) -> None:
    everything = frozenset(range(engine.loaded.model.config.vocab_size)) - {305}  # type: ignore[union-attr]
    (answer,) = await answers(
        engine, ask(sampling=GREEDY.model_copy(update={"min_tokens": 4}), stop_ids=everything)
    )
    assert (answer.tokens, answer.finish) == (4, "stop")


async def test_prompt_and_answer_fit_the_context(engine: LocalEngine) -> None:
    (answer,) = await answers(engine, ask((300,) * 2040))
    assert (answer.tokens, answer.finish) == (8, "length")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (ask(()), "prompt is empty"),
        (ask((300,) * 2048), "2,048 tokens"),
        (ask(adapter="nobody"), 'no adapter "nobody"'),
        (ask(strength=float("nan")), "strength goes from 0 to 1.5"),
    ],
)
async def test_a_request_that_cannot_be_answered_says_why(
    engine: LocalEngine, bad: Request, reason: str
) -> None:
    with pytest.raises(UserError, match=reason):
        await text(engine, bad)
    assert await text(engine, ask())


@pytest.mark.parametrize("ids", [(100_000,), (-1,)])
async def test_an_id_that_the_model_does_not_know_fails_one_request(
    engine: LocalEngine, ids: tuple[int]
) -> None:
    with pytest.raises(ValueError, match="does not know"):
        await text(engine, ask(ids))
    assert await text(engine, ask())
