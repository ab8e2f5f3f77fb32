"""Requests for beam search, and the answers of transformers' `generate` to them."""

from pathlib import Path
from typing import Any

import torch
from transformers import LlamaForCausalLM

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from tests.bot.engine.local import driver
from tests.bot.engine.local.driver import (
    GREEDY,
    up_to,
)


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


def ends(ids: tuple[int, ...], count: int) -> frozenset[int]:
    """Return so many stop ids that a prompt does not hold: the engine's penalties spare its own."""
    return frozenset([token for token in range(260, 400) if token not in ids][:count])
