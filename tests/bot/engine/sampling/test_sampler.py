"""Rows take a seat, draw with dice of their own, and leave, whatever the rest of the batch does."""

import math
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.interface import Request
from bot.engine.sampling.sampler import Sampler, request_seed
from bot.persona.persona import Sampling

SIZE = 1000
END = (9, SIZE + 5)  # one of them is no token of the model
PLAIN = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
CHOICES = [
    Sampling(),
    Sampling(temperature=0),
    Sampling(temperature=0, repetition_penalty=1),
    Sampling(temperature=1.5, top_p=1, min_p=0, repetition_penalty=1),
    Sampling(temperature=2, top_k=100, repetition_penalty=1.9, min_tokens=3),
]


def asked(ids: tuple[int, ...] = (1, 2, 3), **changes: object) -> Request:
    return Request(ids=ids, sampling=Sampling.model_validate(PLAIN | changes))


def sampler(rows: int = 8) -> Sampler:
    return Sampler(SIZE, rows, "cpu")


def logits_of(step: int, row: int = 0) -> torch.Tensor:
    return torch.randn(SIZE, generator=torch.Generator().manual_seed(1000 * row + step)) * 2


def answer(
    request: Request, candidate: int = 0, seed: int = 3, steps: int = 5, row: int = 0
) -> list[int | None]:
    """The tokens of a row that is alone."""
    alone = sampler(1)
    seat = alone.add_sequence(request, candidate, END, seed)
    return [alone.sample(logits_of(step, row)[None], [seat])[0] for step in range(steps)]


def test_the_same_seed_draws_the_same_tokens() -> None:
    assert answer(asked()) == answer(asked())


def test_another_seed_draws_other_tokens() -> None:
    assert answer(asked()) != answer(asked(), seed=4)


def test_candidates_draw_differently() -> None:
    assert len({tuple(answer(asked(), candidate)) for candidate in range(3)}) == 3


@given(st.integers(0, 2**64), st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_each_token_takes_the_next_number_of_the_candidates_own_generator(seed: int, candidate: int) -> None:
    one = sampler()
    seat = one.add_sequence(asked(), candidate, (), seed)
    logits = torch.full((1, SIZE), -math.inf)
    logits[0, :2] = 0.0
    dice = torch.Generator().manual_seed((seed * 1_000_003 + candidate) % (1 << 63))
    expected = [int(torch.rand((), generator=dice) >= 0.5) for _ in range(130)]
    assert [one.sample(logits, [seat])[0] for _ in range(130)] == expected


@given(
    st.lists(
        st.tuples(st.sampled_from(CHOICES), st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=9
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_a_row_draws_the_same_alone_and_among_rows_that_come_and_go(
    rows: list[tuple[Sampling, int, int]], chance: Random
) -> None:
    """Each row has its settings, its number of tokens, and the step at which it wants to join."""
    batch, seats, texts = sampler(3), dict[int, int](), [list[int | None]() for _ in rows]
    requests = [Request(ids=(row, 500 + row), sampling=sampling) for row, (sampling, _, _) in enumerate(rows)]
    step = 0
    while any(len(text) < length for text, (_, length, _) in zip(texts, rows, strict=True)):
        for row, (_, _, start) in enumerate(rows):
            if len(seats) < 3 and start <= step and not texts[row] and row not in seats:
                seats[row] = batch.add_sequence(requests[row], row, END, 7)
        running = list(seats)
        chance.shuffle(running)
        if running:
            logits = torch.stack([logits_of(len(texts[row]), row) for row in running])
            for row, token in zip(
                running, batch.sample(logits, [seats[row] for row in running]), strict=True
            ):
                texts[row].append(token)
                if len(texts[row]) == rows[row][1]:
                    batch.remove_sequence(seats.pop(row))
        step += 1
    assert texts == [answer(requests[row], row, 7, length, row) for row, (_, length, _) in enumerate(rows)]


@pytest.mark.parametrize("later", CHOICES)
def test_a_seat_that_is_taken_again_holds_nothing_of_the_former_row(later: Sampling) -> None:
    used = sampler(1)
    seat = used.add_sequence(
        asked(tuple(range(400)), repetition_penalty=2.0, min_tokens=50), 0, range(500, 900), 5
    )
    for step in range(5):
        used.sample(logits_of(step)[None], [seat])
    used.remove_sequence(seat)
    request = Request(ids=(1, 2, 3), sampling=later)
    seat = used.add_sequence(request, 0, END, 3)
    assert [used.sample(logits_of(step)[None], [seat])[0] for step in range(5)] == answer(request)


def test_tokens_come_as_often_as_they_are_likely() -> None:
    one, many = sampler(), 3000
    seat = one.add_sequence(asked(), 0, (), 11)
    logits = torch.full((1, SIZE), -math.inf)
    logits[0, :20] = logits_of(0)[:20]
    tokens = [one.sample(logits, [seat])[0] for _ in range(many)]
    expected = logits[0, :20].softmax(-1) * many
    off = torch.bincount(torch.tensor(tokens), minlength=20) - expected
    assert float((off.square() / expected).sum()) < 36.19  # chi-square of 19 degrees: one seed in 100 fails


def test_an_answer_does_not_end_before_it_may() -> None:
    logits = torch.zeros(1, SIZE)
    logits[0, 9] = 50.0
    one = sampler()
    seat = one.add_sequence(asked(temperature=0, min_tokens=2), 0, END, 0)
    assert [one.sample(logits, [seat])[0] for _ in range(3)] == [0, 0, 9]


def test_another_rows_end_is_not_forbidden() -> None:
    logits = torch.zeros(2, SIZE)
    logits[:, 9] = 50.0
    two = sampler()
    seats = [two.add_sequence(asked(temperature=0, min_tokens=least), 0, END, 0) for least in (2, 0)]
    assert two.sample(logits, seats) == [0, 9]


@pytest.mark.parametrize("others", [0, 1])
def test_every_token_of_prompt_and_answer_is_penalised(others: int) -> None:
    logits = torch.full((1 + others, SIZE), 2.0)
    batch = sampler()
    seats = [batch.add_sequence(asked((5, 2, 2), temperature=0, repetition_penalty=1.9), 0, END, 0)]
    seats += [batch.add_sequence(asked((7,)), 0, END, 0) for _ in range(others)]
    unseen = [token for token in range(SIZE) if token not in (2, 5)]
    assert [batch.sample(logits, seats)[0] for _ in range(520)] == unseen[:520]


def test_a_row_without_numbers_is_none_and_leaves_the_others_alone() -> None:
    batch = sampler()
    seats = [batch.add_sequence(asked(repetition_penalty=1.5), candidate, END, 3) for candidate in range(2)]
    drawn = []
    for step in range(5):
        logits = logits_of(step).repeat(2, 1)
        logits[0] = math.nan
        drawn.append(batch.sample(logits, seats))
    assert drawn == [[None, token] for token in answer(asked(repetition_penalty=1.5), 1)]


@pytest.mark.parametrize("ids", [(), (1,)], ids=["no prompt", "no seat"])
def test_a_row_needs_a_prompt_and_a_free_seat(ids: tuple[int, ...]) -> None:
    full = sampler(1)
    if ids:
        full.add_sequence(asked(), 0, END, 0)
    with pytest.raises(ValueError, match="free sampler slot and a prompt"):
        full.add_sequence(asked(ids), 0, END, 0)


def test_a_seat_is_left_once() -> None:
    one = sampler()
    seat = one.add_sequence(asked(), 0, END, 0)
    one.remove_sequence(seat)
    with pytest.raises(KeyError):
        one.remove_sequence(seat)


def test_a_requests_seed_is_its_own_or_new_each_time() -> None:
    free = Request(ids=(1,), sampling=Sampling())
    assert request_seed(Request(ids=(1,), sampling=Sampling(), seed=0)) == 0
    assert len({request_seed(free) for _ in range(5)}) == 5
