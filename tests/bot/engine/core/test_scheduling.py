"""Scheduling rules that hold for any arrivals: turns of adapters, and chunks of prompts."""

from collections.abc import Sequence
from itertools import count, cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.core.scheduling import (
    AGING,
    MAX_CHUNK,
    MIN_CHUNK,
    PREFILL_STEP_SECONDS,
    AdapterRoundRobin,
    PrefillState,
    prefill_budget,
    prefill_chunks,
)

ADAPTERS = (None, "a", "b", "c")
arrivals_and_turns = st.lists(st.one_of(st.sampled_from(ADAPTERS), st.just("admit")), max_size=120)
prompts = st.dictionaries(
    st.integers(0, 30), st.builds(PrefillState, st.integers(1, 5000), st.integers(0, 50)), max_size=12
)
fresh_prompts = st.dictionaries(
    st.integers(0, 30), st.builds(PrefillState, st.integers(1, 5000)), max_size=12
)
tokens = st.integers(0, 2000)


def admitted(events: Sequence[str | None]) -> list[tuple[str | None, int, list[tuple[str | None, int]]]]:
    """Play arrivals and admissions; return adapter, request and the queue at each admission.

    At the end all waiting requests are admitted.
    """
    turns, waiting, log = AdapterRoundRobin(), [], []
    for number, event in enumerate([*events, *["admit"] * len(events)]):
        if event != "admit":
            waiting.append((event, number))
        elif waiting:
            at = turns.next_index([adapter for adapter, _ in waiting])
            log.append((*waiting[at], list(waiting)))
            turns.mark_admitted(waiting.pop(at)[0])
    return log


@given(arrivals_and_turns)
def test_between_two_turns_of_a_waiting_adapter_every_other_has_at_most_one(
    events: list[str | None],
) -> None:
    log = admitted(events)
    for adapter in ADAPTERS:
        since: list[str | None] = []
        for chosen, _, waiting in log:
            waits = any(name == adapter for name, _ in waiting)
            since = [] if chosen == adapter or not waits else [*since, chosen]
            assert len(since) == len(set(since))


@given(arrivals_and_turns)
def test_requests_of_one_adapter_keep_their_order(events: list[str | None]) -> None:
    for adapter in ADAPTERS:
        numbers = [number for chosen, number, _ in admitted(events) if chosen == adapter]
        assert numbers == sorted(numbers)


@given(arrivals_and_turns)
def test_every_waiting_request_is_admitted(events: list[str | None]) -> None:
    arrived = [(event, number) for number, event in enumerate(events) if event != "admit"]
    assert sorted(number for _, number, _ in admitted(events)) == [number for _, number in arrived]


def test_adapters_that_had_no_turn_come_in_the_order_of_their_requests() -> None:
    assert [chosen for chosen, _, _ in admitted(["b", "b", "b", "a", None])] == ["b", "a", None, "b", "b"]


def test_a_flood_for_one_adapter_delays_another_by_one_request() -> None:
    flood: list[str | None] = ["a"] * 20
    log = admitted([*flood, "admit", "admit", "b"])
    assert [chosen for chosen, _, _ in log][:4] == ["a", "a", "b", "a"]


@given(prompts, tokens)
def test_a_step_prefills_what_remains_up_to_its_budget(left: dict[int, PrefillState], tokens: int) -> None:
    shares = prefill_chunks(left, tokens)
    assert sum(shares.values()) == min(tokens, sum(reading.remaining for reading in left.values()))
    assert all(0 < share <= left[name].remaining for name, share in shares.items())


@given(fresh_prompts, tokens)
def test_the_shortest_prompts_are_prefilled_whole_first(left: dict[int, PrefillState], tokens: int) -> None:
    shares = prefill_chunks(left, tokens)
    unfinished = [
        reading.remaining for name, reading in left.items() if shares.get(name, 0) < reading.remaining
    ]
    assert all(left[name].remaining <= min(unfinished, default=MAX_CHUNK**2) for name in shares)
    assert sum(share < left[name].remaining for name, share in shares.items()) <= 1


def test_a_skipped_prompt_counts_as_shorter() -> None:
    left = {"long": PrefillState(100, skipped_steps=2), "short": PrefillState(10)}
    assert prefill_chunks(left, 20) == {"short": 10, "long": 10}
    left["long"] = PrefillState(100, skipped_steps=3)
    assert 100 - 3 * AGING < 10 < 100 - 2 * AGING
    assert prefill_chunks(left, 20) == {"long": 20}


@given(
    st.integers(1, 1500),
    st.lists(st.integers(1, 1500), max_size=6),
    st.lists(st.lists(st.integers(1, 300), max_size=8), min_size=1, max_size=6),
    st.sampled_from([MIN_CHUNK, 100, MAX_CHUNK]),
)
def test_a_prompt_is_prefilled_after_boundedly_many_steps_for_any_arrivals(
    length: int, others: list[int], arriving: list[list[int]], tokens: int
) -> None:
    mine, names = 0, count(1)
    left = {mine: PrefillState(length)} | {next(names): PrefillState(other) for other in others}
    # Once it counts as shorter than anything new, only those that came before can be read first.
    steps = length // AGING + 1
    before = sum(others) + sum(sum(new) for _, new in zip(range(steps), cycle(arriving), strict=False))
    for _, new in zip(range(steps + before // tokens + 2), cycle(arriving), strict=False):
        shares = prefill_chunks(left, tokens)
        if mine in shares:
            return
        left = {
            name: PrefillState(
                reading.remaining - shares.get(name, 0), 0 if name in shares else reading.skipped_steps + 1
            )
            for name, reading in left.items()
            if shares.get(name, 0) < reading.remaining
        }
        left |= {next(names): PrefillState(size) for size in new}
    pytest.fail("The prompt was skipped for ever.")


@given(st.floats(1e-9, 1e6))
def test_a_step_takes_its_time_within_bounds(pace: float) -> None:
    tokens = prefill_budget(pace)
    assert MIN_CHUNK <= tokens <= MAX_CHUNK
    assert tokens % MIN_CHUNK == 0
    assert tokens in (MIN_CHUNK, MAX_CHUNK) or (
        tokens * pace <= PREFILL_STEP_SECONDS < (tokens + MIN_CHUNK) * pace * (1 + 1e-9)
    )


@pytest.mark.parametrize(
    ("pace", "tokens"),
    [
        (0.0, MIN_CHUNK),
        (1e-9, MAX_CHUNK),
        (PREFILL_STEP_SECONDS / 100.5, 96),
        (PREFILL_STEP_SECONDS / 1.5, MIN_CHUNK),
        (60, MIN_CHUNK),
    ],
)
def test_the_slower_the_machine_the_smaller_the_chunk(pace: float, tokens: int) -> None:
    assert prefill_budget(pace) == tokens


@pytest.mark.parametrize(
    ("pace", "alone", "tokens"),
    [
        (0.0, 0, 32),
        (0.002, 0, 32),
        (1.0, 0, 32),
        (1e-9, 0, 1024),
        (0.01, 200, 200),
        (0.01, 257, 32),
        (0.001, 5, 96),
    ],
)
def test_a_short_prompt_is_prefilled_in_one_step_where_no_request_decodes(
    pace: float, alone: int, tokens: int
) -> None:
    assert prefill_budget(pace, alone) == tokens
