"""Answers of transformers and PEFT, one request at a time, as the reference for the engine."""

import random
from functools import cache
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from bot.engine.interface import Request
from bot.persona.persona import Sampling

Ids = tuple[int, ...]

NO_STOP = frozenset({100_000})  # an id that never comes
TIE = 2e-5  # of the largest logit: a smaller lead of the best token could be lost in rounding


def prompt(length: int, seed: int = 0) -> Ids:
    rng = random.Random(f"{seed} {length}")
    return tuple(rng.randrange(5, 400) for _ in range(length))


def ask(ids: Ids, tokens: int = 10, penalty: float = 1.0, **more: Any) -> Request:
    sampling = Sampling(temperature=0, repetition_penalty=penalty, max_tokens=tokens)
    return Request(ids, sampling, stop_ids=NO_STOP, **more)


@cache
def model(folder: Path, adapter: Path | None = None, **settings: Any) -> Any:
    """The plainest form of the model: its own attention, and PEFT's adapter."""
    base = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", **settings)
    return base if adapter is None else PeftModel.from_pretrained(base, adapter)


def greedy(model: Any, ids: Ids, tokens: int, penalty: float = 1.0) -> tuple[Ids, float]:
    """Return the ids that `generate` of transformers answers, and the closest token's lead: see `TIE`."""
    found = model.generate(
        input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        max_new_tokens=tokens, do_sample=False, repetition_penalty=penalty, eos_token_id=None, pad_token_id=0,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    scores = torch.stack(found.scores)[:, 0]
    best, second = scores.topk(2).values.unbind(-1)
    lead = float(((best - second) / scores.abs().amax(-1)).amin())
    return tuple(found.sequences[0, len(ids) :].tolist()), lead


@cache
def reference(
    folder: Path, ids: Ids, tokens: int, adapter_folder: Path | None = None, penalty: float = 1.0
) -> Ids:
    """Return the ids that transformers answers with a family's model, alone."""
    answer, lead = greedy(model(folder, adapter_folder), ids, tokens, penalty)
    assert len(answer) == tokens
    assert lead > TIE, "a token won by a hair: choose another seed for the family"
    return answer
