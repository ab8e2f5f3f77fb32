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
    PrefillCost,
    PrefillShare,
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


@given(st.integers(0, 10**6))
def test_a_budget_is_what_fits_within_bounds(fitting: int) -> None:
    tokens = prefill_budget(fitting)
    assert tokens % MIN_CHUNK == 0
    assert tokens in (MIN_CHUNK, MAX_CHUNK) or tokens <= fitting < tokens + MIN_CHUNK
    assert MIN_CHUNK <= tokens <= MAX_CHUNK


@pytest.mark.parametrize(
    ("fitting", "alone", "tokens"),
    [(0, 0, 32), (50, 0, 32), (10**9, 0, 1024), (10, 200, 200), (10, 257, 32), (100, 5, 96)],
)
def test_a_short_prompt_is_prefilled_in_one_step_where_no_request_decodes(
    fitting: int, alone: int, tokens: int
) -> None:
    assert prefill_budget(fitting, alone) == tokens


def prefilled(
    fixed: float, per_token: float, alone: bool = True, length: int = 4000
) -> tuple[list[int], float]:
    """Prefill a prompt on a machine with these costs; return the chunks and the seconds."""
    cost, chunks, seconds = PrefillCost(), [], 0.0
    while length > 0:
        chunk = min(length, prefill_budget(cost.fitting_tokens(alone)))
        took = fixed + per_token * chunk
        cost.record(chunk, took)
        chunks.append(chunk)
        length, seconds = length - chunk, seconds + took
    return chunks, seconds


@pytest.mark.parametrize(
    ("fixed", "per_token", "alone", "largest", "seconds"),
    [
        (0.0, 0.003, True, 64, 12.0),  # a CPU that reads 333 tokens in a second
        (0.0, 0.0001, True, 992, 0.4),
        (0.03, 0.0005, False, 128, 2.99),
        (0.05, 0.0006, True, 224, 3.4),  # a card; its fixed part is half of what is aimed at
        (0.05, 0.0006, False, 160, 3.75),
        (0.5, 0.0006, True, MAX_CHUNK, 6.4),
    ],
)
def test_chunks_grow_with_the_fixed_part_of_a_step(
    fixed: float, per_token: float, alone: bool, largest: int, seconds: float
) -> None:
    chunks, took = prefilled(fixed, per_token, alone)
    assert (max(chunks), took) == (largest, pytest.approx(seconds, abs=0.01))


@given(st.floats(0, 0.2), st.floats(1e-5, 0.05))
def test_a_chunk_takes_what_is_aimed_at_or_a_few_times_the_fixed_part(fixed: float, per_token: float) -> None:
    chunks, _ = prefilled(fixed, per_token, alone=False)
    limit = max(PREFILL_STEP_SECONDS, 3 * fixed, fixed + MIN_CHUNK * per_token)
    assert all(fixed + chunk * per_token <= 1.01 * limit for chunk in chunks[2:])


def test_a_machine_that_becomes_slower_gets_smaller_chunks() -> None:
    cost = PrefillCost()
    for seconds_per_token in (0.0001, 0.001):
        for tokens in [64, 128, 256, 128] * 10:
            cost.record(tokens, 0.01 + tokens * seconds_per_token)
    assert prefill_budget(cost.fitting_tokens(alone=False)) == 64


def test_a_machine_that_other_work_shares_gets_no_long_steps() -> None:
    """Steps of a few tokens took as long as larger ones: what seems fixed is the other work's time."""
    cost = PrefillCost()
    for tokens, seconds in ((32, 1.0), (64, 1.5), (32, 1.2), (64, 1.4)):
        cost.record(tokens, seconds)
    fixed, per_token = 0.9, 0.009  # as fitted to these
    assert fixed + per_token * cost.fitting_tokens(alone=True) < 2.7 * fixed


def test_the_fixed_part_is_kept_while_all_chunks_are_alike() -> None:
    cost = PrefillCost()
    for tokens in [64, 128] * 10 + [96] * 500:
        cost.record(tokens, 0.05 + tokens * 0.001)
    assert prefill_budget(cost.fitting_tokens(alone=False)) == 96


def test_long_prompts_and_decoding_take_half_of_the_time_each() -> None:
    share, spent = PrefillShare(), {True: 0.0, False: 0.0}
    for _ in range(1000):
        is_long = not share.is_spent
        seconds = 0.1 if is_long else 0.015
        share.record(seconds, is_long=is_long, decodes=True)
        spent[is_long] += seconds
    assert 1.0 <= spent[False] / spent[True] <= 1.1


@pytest.mark.parametrize(("is_long", "decodes"), [(False, True), (True, False), (False, False)])
def test_nothing_is_owed_for_short_prompts_or_where_nothing_decodes(is_long: bool, decodes: bool) -> None:
    share = PrefillShare()
    share.record(0.1, is_long=is_long, decodes=decodes)
    assert not share.is_spent


def test_what_is_owed_ends_where_nothing_decodes_any_more() -> None:
    share = PrefillShare()
    share.record(0.1, is_long=True, decodes=True)
    assert share.is_spent
    share.record(0.001, is_long=False, decodes=False)
    assert not share.is_spent
