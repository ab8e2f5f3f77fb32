"""Requests of an evaluation: one prompt for several answers."""

from dataclasses import replace

import pytest

from bot.engine.interface import Request
from bot.persona.persona import Sampling
from training.evaluation.engine_samples import group_requests, tidy

ONE, OTHER = Request((1, 2), Sampling(), seed=1), Request((1, 3), Sampling(), seed=1)


def test_requests_that_differ_by_their_seed_alone_are_grouped_up_to_a_number() -> None:
    asked = [replace(each, seed=number) for number in range(10) for each in (ONE, OTHER)]
    assert group_requests(asked, 8) == [[*range(0, 16, 2)], [16, 18], [*range(1, 16, 2)], [17, 19]]


def test_another_adapter_or_strength_is_another_request() -> None:
    asked = [ONE, replace(ONE, adapter="adapter"), replace(ONE, adapter="adapter", strength=0.5)]
    assert group_requests(asked, 8) == [[0], [1], [2]]


def test_no_requests_have_no_groups() -> None:
    assert group_requests([], 8) == []


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        (" hello \n", "hello"),
        ("Mara: hello", "hello"),
        ("MARA：你好", "你好"),
        ("Mara", "Mara"),
        ("Maral: x", "Maral: x"),
        ("", ""),
    ],
)
def test_answers_are_tidied_as_the_bot_does_it(text: str, tidied: str) -> None:
    from bot.chat import delivery

    assert tidy(text, "Mara") == delivery.tidy(text, "Mara", whole=True) == tidied
