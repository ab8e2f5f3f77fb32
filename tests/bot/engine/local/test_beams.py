"""Beam search of a local engine: the answers of transformers' `generate`, and the best text so far."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.interface import Piece, Request
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Sampling
from tests.bot.engine.local import driver
from tests.bot.engine.local.driver import GREEDY, answers, prompt, text, up_to


def search(ids: tuple[int, ...] = driver.IDS, tokens: int = 12, beams: int = 3, **more: Any) -> Request:
    sampling = more.pop("sampling", GREEDY)
    return driver.ask(ids, up_to(tokens, sampling), **({"beams": beams} | more))


def shown(engine: LocalEngine, ids: list[int], stop: tuple[str, ...] = ()) -> str:
    """Return the text of an answer's ids."""
    assert engine.loaded is not None
    detokenizer = Detokenizer(engine.loaded.tokenizer.decode_bytes, stop)
    return "".join([*map(detokenizer.push, ids), "" if detokenizer.stopped else detokenizer.flush()])


def theirs(folder: Path, request: Request, **more: Any) -> list[int]:
    """Return the answer of transformers' `generate`, without its stop id."""
    model = LlamaForCausalLM.from_pretrained(folder)
    ends = sorted(request.stop_ids - driver.NO_STOP)
    output = model.generate(
        torch.tensor([request.ids]),
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


CASES = [
    (beams, penalty, repetition)
    for beams, penalty, repetition in [
        (2, 1.0, 1.0),
        (3, 0.0, 1.0),
        (4, -1.0, 1.2),
        (5, 2.0, 1.0),
        (8, 0.6, 1.1),
    ]
]


@pytest.mark.parametrize(("beams", "penalty", "repetition"), CASES)
async def test_an_answer_of_beams_is_that_of_transformers(
    engine: LocalEngine, folder: Path, beams: int, penalty: float, repetition: float
) -> None:
    sampling = GREEDY.model_copy(update={"repetition_penalty": repetition})
    requests = [
        search(
            prompt(number, 1 + 40 * number),
            20,
            beams,
            sampling=sampling,
            length_penalty=penalty,
            stop_ids=frozenset(range(260, 290 + 10 * number)),
        )
        for number in range(12)
    ]
    found = [await text(engine, request) for request in requests]
    wanted = [shown(engine, theirs(folder, request)) for request in requests]
    assert found == wanted
    print([len(t) for t in found], found)
