"""Logits that are no numbers fail one request, and stay in no KV slot."""

import asyncio
from pathlib import Path
from time import sleep

import pytest
import torch

from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.local.driver import (
    GREEDY,
    HERE,
    MIXED,
    NO_STOP,
    PatchedForward,
    add_adapters,
    ask,
    finish,
    one_by_one,
    outcomes,
    prompt,
    request,
    text,
    wait_until,
)

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


POISON = 17  # a token id whose embedding becomes NaN


def poison(engine: LocalEngine) -> None:
    """One word makes everything that is computed from it no number, keys and values too."""
    assert engine.loaded is not None
    with torch.inference_mode():
        engine.loaded.model.get_input_embeddings().weight[POISON] = float("nan")


async def test_nan_logits_fail_one_request_of_a_batch(engine: LocalEngine, adapters: dict[str, Path]) -> None:
    await add_adapters(engine, adapters)
    expected = await one_by_one(engine, MIXED)
    poison(engine)
    bad = Request((*prompt(8), POISON), GREEDY, stop_ids=NO_STOP, n=2)
    assert await outcomes(engine, [*MIXED[:3], bad, *MIXED[3:]]) == [
        *expected[:3],
        "UserError",
        *expected[3:],
    ]


@pytest.mark.parametrize("ends", ["by itself", "cancelled"])
async def test_nan_keys_and_values_do_not_stay_in_a_slot(engine: LocalEngine, ends: str) -> None:
    """Rows of one page are read together, to the length of the longest."""
    others = [request(n, 150 - 40 * n) for n in range(4)]
    expected = await one_by_one(engine, others)
    poison(engine)
    bad = [Request((POISON, *prompt(n, 180)), GREEDY, stop_ids=NO_STOP, place=HERE) for n in range(4)]
    if ends == "cancelled":
        PatchedForward(engine, lambda ids, step: sleep(0.05))  # long enough to be seen at work
        streams = [engine.generate(one) for one in bad]
        await wait_until(lambda: engine.status().rows == 4, pause=0)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*(finish(stream) for stream in streams), return_exceptions=True)
    else:
        assert await outcomes(engine, bad) == ["UserError"] * 4
    assert await outcomes(engine, others) == expected


async def test_nan_logits_fail_their_request_with_a_remedy(engine: LocalEngine) -> None:
    assert engine.loaded is not None
    hook = engine.loaded.model.lm_head.register_forward_hook(lambda *a: a[2] * float("nan"))
    with pytest.raises(UserError, match="not a number"):
        await text(engine, ask())
    hook.remove()
    assert await text(engine, ask())
