"""Beam search of a local engine: the answers of transformers' `generate`, and the best text so far."""

from collections import Counter
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, LogitsProcessorList

from bot.engine.local.local_engine import LocalEngine
from tests.bot.engine.local import driver
from tests.bot.engine.local.beams import ends, search, shown, theirs
from tests.bot.engine.local.driver import (
    GREEDY,
    answers,
    prompt,
    text,
    up_to,
)

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


CASES = [(2, 1.0, 1.0), (3, 0.0, 1.0), (4, -1.0, 1.2), (5, 2.0, 1.0), (8, 0.6, 1.1)]


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
