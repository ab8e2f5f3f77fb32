"""The tokens of a step: chunks of prompts beside decoding, and long prompts that wait for their half."""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.engine.core.scheduling import WHOLE_PROMPT, PrefillCost
from bot.engine.core.step_schedule import schedule_spans


class Standing(SimpleNamespace):
    """Fields of a running request; equal to itself alone."""

    __hash__ = object.__hash__


def request(prompt: int = 0) -> Any:
    """Return a request with so many tokens of its prompt left; without any, one that decodes."""
    slot = SimpleNamespace(length=0)
    ids = tuple(range(prompt))
    return Standing(
        request=SimpleNamespace(ids=ids, strength=1.0),
        adapter=None,
        prefill_remaining=prompt,
        prompt_slot=slot,
        skipped_steps=0,
        unfinished=() if prompt else (SimpleNamespace(kv_slot=slot, tokens=[1]),),
    )


def cost() -> PrefillCost:
    """Return the cost of a machine that prefills 400 tokens within a step."""
    known = PrefillCost()
    for tokens in (100, 200, 400):
        known.record(tokens, tokens / 4000)
    return known


LONG, SHORT, DECODES = WHOLE_PROMPT + 1, WHOLE_PROMPT, 0


@pytest.mark.parametrize(
    ("prompts", "short_only", "expected"),
    [
        ((LONG, DECODES), False, [LONG, 1]),
        ((LONG, DECODES), True, [1]),
        ((LONG, SHORT, DECODES), True, [SHORT, 1]),
        ((LONG, SHORT), True, [384 - SHORT, SHORT]),
        ((LONG,), True, [LONG]),
    ],
)
def test_long_prompts_wait_for_their_half_where_others_decode(
    prompts: tuple[int, ...], short_only: bool, expected: list[int]
) -> None:
    running = [request(prompt) for prompt in prompts]
    spans = schedule_spans(running, lambda adapter: 0, cost(), short_only=short_only)
    assert [len(span.ids) for _, span in spans] == expected


def test_a_prompt_that_waits_for_its_half_does_not_age() -> None:
    running = [request(LONG), request(DECODES)]
    schedule_spans(running, lambda adapter: 0, cost(), short_only=True)
    assert running[0].skipped_steps == 0
