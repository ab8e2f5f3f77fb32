"""Conversations: by reply links, then by silences of the chat's own rhythm; nothing lost, nothing joined."""

from itertools import accumulate
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.training_messages import said
from training.dataset.sessions import LONGEST, SHORTEST, USUAL, continues_burst, number_sessions, session_gap


def rhythm(within: float, between: float, seed: int = 1) -> list[float]:
    """A chat of 100 conversations of ten messages, with gaps of about these lengths in seconds."""
    dice = Random(seed)
    gaps = [(between if number % 10 == 0 else within) * dice.lognormvariate(0, 0.6) for number in range(1000)]
    return list(accumulate(gaps))


@pytest.mark.parametrize(
    ("within", "between", "least", "most"),
    [(20, 20_000, 100, 8_000), (120, 86_400, 600, 40_000), (5, 2_000, 600, 1_500)],
)
def test_the_silence_lies_between_a_chats_two_kinds_of_gaps(
    within: float, between: float, least: float, most: float
) -> None:
    assert max(least, SHORTEST) <= session_gap(rhythm(within, between)) <= most


@pytest.mark.parametrize(
    "times",
    [[], [5.0], [0.0] * 500, list(range(20)), rhythm(20, 20), [60.0 * number for number in range(1000)]],
    ids=["none", "one", "no times", "few", "one kind of gaps", "a clock"],
)
def test_without_a_rhythm_the_silence_is_the_usual_one(times: list[float]) -> None:
    assert session_gap(times) == USUAL


@given(st.lists(st.floats(0, 4e9), max_size=300))
def test_the_silence_is_within_bounds_whatever_the_times(times: list[float]) -> None:
    assert SHORTEST * 0.8 <= session_gap(times) <= LONGEST * 1.2


def test_a_silence_begins_a_conversation_and_a_reply_goes_on_with_the_old_one() -> None:
    messages = [
        said(1, "Ana", "hello", time=0),
        said(2, "Mara", "hello", time=50),
        said(3, "Ana", "new day", time=10_000),
        said(4, "Mara", "I meant to say", time=30_000, reply_to="3"),
        said(5, "Mara", "about the first day", time=60_000, reply_to="1"),
    ]
    assert [number for number, _ in number_sessions(messages, 3600)] == [0, 0, 1, 1, 2]


CHATS = st.lists(
    st.tuples(st.sampled_from(["Ana", "Mara"]), st.floats(0, 20_000), st.integers(0, 9)), max_size=60
)


@given(CHATS, st.floats(1, 10_000))
def test_nothing_is_dropped_the_order_stays_and_conversations_are_numbered_without_a_gap(
    lines: list[tuple[str, float, int]], gap: float
) -> None:
    times = accumulate(pause for _, pause, _ in lines)
    messages = [
        said(number, name, "x", time=time, reply_to=str(number - back) if back else None)
        for number, ((name, _, back), time) in enumerate(zip(lines, times, strict=True))
    ]
    numbered = list(number_sessions(messages, gap))
    assert [message for _, message in numbered] == messages
    numbers = [number for number, _ in numbered]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(set(numbers))))


@pytest.mark.parametrize(
    ("more", "joins"),
    [
        ({}, True),
        ({"time": 1000}, False),
        ({"reply_to": "1"}, True),
        ({"reply_to": "0"}, True),
        ({"reply_to": "7"}, False),
    ],
)
def test_a_burst_goes_on_while_it_is_quick_and_turns_to_the_same(
    more: dict[str, object], joins: bool
) -> None:
    first = said(1, "Mara", "well", reply_to="0")
    assert continues_burst(first, said(2, "Mara", "then", **more), [first]) is joins
