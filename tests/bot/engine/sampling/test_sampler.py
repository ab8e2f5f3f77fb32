"""Sequences join the sampler, sample with an rng of their own and leave, in any batch."""

import math
from dataclasses import replace
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.interface import Request
from bot.engine.sampling.card_sampler import CardSampler
from bot.engine.sampling.sampler import Sampler
from bot.engine.sampling.sampler_slots import SamplerSlots, request_seed
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
    Sampling(temperature=0.7, repetition_penalty=1.1, presence_penalty=0.3, frequency_penalty=1.7),
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
    """Return the tokens of a sequence that is alone in the sampler."""
    alone = sampler(1)
    slot = alone.add_sequence(request, candidate, END, seed)
    return [alone.sample(logits_of(step, row)[None], [slot])[0] for step in range(steps)]


def test_the_same_seed_samples_the_same_tokens() -> None:
    assert answer(asked()) == answer(asked())


def test_another_seed_samples_other_tokens() -> None:
    assert answer(asked()) != answer(asked(), seed=4)


def test_candidates_sample_differently() -> None:
    assert len({tuple(answer(asked(), candidate)) for candidate in range(3)}) == 3


@given(st.integers(0, 2**64), st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_each_token_takes_the_next_number_of_the_candidates_own_generator(seed: int, candidate: int) -> None:
    one = sampler()
    slot = one.add_sequence(asked(), candidate, (), seed)
    logits = torch.full((1, SIZE), -math.inf)
    logits[0, :2] = 0.0
    rng = torch.Generator().manual_seed((seed * 1_000_003 + candidate) % (1 << 63))
    expected = [int(torch.rand((), generator=rng) >= 0.5) for _ in range(130)]
    assert [one.sample(logits, [slot])[0] for _ in range(130)] == expected


@given(
    st.lists(
        st.tuples(st.sampled_from(CHOICES), st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=9
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_a_sequence_samples_the_same_alone_and_in_any_batch(
    rows: list[tuple[Sampling, int, int]], chance: Random
) -> None:
    """Each sequence has its settings, its count of tokens and the step at which it joins."""
    batch, slots, texts = sampler(3), dict[int, int](), [list[int | None]() for _ in rows]
    requests = [Request(ids=(row, 500 + row), sampling=sampling) for row, (sampling, _, _) in enumerate(rows)]
    step = 0
    while any(len(text) < length for text, (_, length, _) in zip(texts, rows, strict=True)):
        for row, (_, _, start) in enumerate(rows):
            if len(slots) < 3 and start <= step and not texts[row] and row not in slots:
                slots[row] = batch.add_sequence(requests[row], row, END, 7)
        running = list(slots)
        chance.shuffle(running)
        if running:
            logits = torch.stack([logits_of(len(texts[row]), row) for row in running])
            for row, token in zip(
                running, batch.sample(logits, [slots[row] for row in running]), strict=True
            ):
                texts[row].append(token)
                if len(texts[row]) == rows[row][1]:
                    batch.remove_sequence(slots.pop(row))
        step += 1
    assert texts == [answer(requests[row], row, 7, length, row) for row, (_, length, _) in enumerate(rows)]


@pytest.mark.parametrize("later", CHOICES)
def test_a_sampler_slot_holds_nothing_of_its_former_sequence(later: Sampling) -> None:
    used = sampler(1)
    slot = used.add_sequence(
        asked(tuple(range(400)), repetition_penalty=2.0, min_tokens=50), 0, range(500, 900), 5
    )
    for step in range(5):
        used.sample(logits_of(step)[None], [slot])
    used.remove_sequence(slot)
    request = Request(ids=(1, 2, 3), sampling=later)
    slot = used.add_sequence(request, 0, END, 3)
    assert [used.sample(logits_of(step)[None], [slot])[0] for step in range(5)] == answer(request)


def test_tokens_come_as_often_as_they_are_likely() -> None:
    one, many = sampler(), 3000
    slot = one.add_sequence(asked(), 0, (), 11)
    logits = torch.full((1, SIZE), -math.inf)
    logits[0, :20] = logits_of(0)[:20]
    tokens = [one.sample(logits, [slot])[0] for _ in range(many)]
    expected = logits[0, :20].softmax(-1) * many
    off = torch.bincount(torch.tensor(tokens), minlength=20) - expected
    assert float((off.square() / expected).sum()) < 36.19  # chi-square of 19 degrees: one seed in 100 fails


def test_no_end_token_comes_before_min_tokens() -> None:
    logits = torch.zeros(1, SIZE)
    logits[0, 9] = 50.0
    one = sampler()
    slot = one.add_sequence(asked(temperature=0, min_tokens=2), 0, END, 0)
    assert [one.sample(logits, [slot])[0] for _ in range(3)] == [0, 0, 9]


def test_min_tokens_forbids_no_end_of_another_sequence() -> None:
    logits = torch.zeros(2, SIZE)
    logits[:, 9] = 50.0
    two = sampler()
    slots = [two.add_sequence(asked(temperature=0, min_tokens=least), 0, END, 0) for least in (2, 0)]
    assert two.sample(logits, slots) == [0, 9]


@pytest.mark.parametrize("others", [0, 1])
def test_every_token_of_prompt_and_answer_is_penalised(others: int) -> None:
    logits = torch.full((1 + others, SIZE), 2.0)
    batch = sampler()
    slots = [batch.add_sequence(asked((5, 2, 2), temperature=0, repetition_penalty=1.9), 0, END, 0)]
    slots += [batch.add_sequence(asked((7,)), 0, END, 0) for _ in range(others)]
    unseen = [token for token in range(SIZE) if token not in (2, 5)]
    assert [batch.sample(logits, slots)[0] for _ in range(520)] == unseen[:520]


def test_a_row_without_numbers_is_none_and_leaves_the_others_alone() -> None:
    batch = sampler()
    slots = [batch.add_sequence(asked(repetition_penalty=1.5), candidate, END, 3) for candidate in range(2)]
    drawn = []
    for step in range(5):
        logits = logits_of(step).repeat(2, 1)
        logits[0] = math.nan
        drawn.append(batch.sample(logits, slots))
    assert drawn == [[None, token] for token in answer(asked(repetition_penalty=1.5), 1)]


@pytest.mark.parametrize("ids", [(), (1,)], ids=["no prompt", "no slot"])
def test_a_sequence_needs_a_prompt_and_a_free_slot(ids: tuple[int, ...]) -> None:
    full = sampler(1)
    if ids:
        full.add_sequence(asked(), 0, END, 0)
    with pytest.raises(ValueError, match="free sampler slot and a prompt"):
        full.add_sequence(asked(ids), 0, END, 0)


def test_a_sampler_slot_is_freed_once() -> None:
    one = sampler()
    slot = one.add_sequence(asked(), 0, END, 0)
    one.remove_sequence(slot)
    with pytest.raises(KeyError):
        one.remove_sequence(slot)


def test_a_requests_seed_is_its_own_or_new_each_time() -> None:
    free = Request(ids=(1,), sampling=Sampling())
    assert request_seed(Request(ids=(1,), sampling=Sampling(), seed=0)) == 0
    assert len({request_seed(free) for _ in range(5)}) == 5


@pytest.mark.parametrize("kind", [Sampler, CardSampler])
@pytest.mark.parametrize("ids", [(2, 3, 4), (2,), (3, 2)])
def test_what_ends_a_turn_is_not_penalised_26902(kind: type[SamplerSlots], ids: tuple[int, ...]) -> None:
    """huggingface/transformers#26902: 10.0 / 1.1 is less than 9.5."""
    one = kind(SIZE, 2, "cpu")
    request = asked(ids, temperature=0, repetition_penalty=1.1)
    logits = torch.zeros((2, SIZE))
    logits[:, 2], logits[:, 700] = 10.0, 9.5
    slots = [one.add_sequence(request, candidate, (2,), 0) for candidate in range(2)]
    assert one.sample(logits, slots) == [2, 2]


@pytest.mark.parametrize("kind", [Sampler, CardSampler])
def test_spared_ids_stay_as_likely_however_often_they_come(kind: type[SamplerSlots]) -> None:
    one = kind(SIZE, 1, "cpu")
    request = replace(asked((5, 6), temperature=0, repetition_penalty=1.9), spared=frozenset({5, 8}))
    slot = one.add_sequence(request, 0, (), 0)
    logits = torch.zeros((1, SIZE))
    logits[0, 6], logits[0, 8], logits[0, 5] = 10.0, 9.0, 8.0
    assert [one.sample(logits, [slot])[0] for _ in range(3)] == [8, 8, 8]
    logits[0, 8] = 0.0
    assert [one.sample(logits, [slot])[0] for _ in range(3)] == [5, 5, 5]


@pytest.mark.parametrize("kind", [Sampler, CardSampler])
def test_forced_tokens_come_in_order_and_leave_other_rows_alone(kind: type[SamplerSlots]) -> None:
    both = kind(SIZE, 2, "cpu")
    slots = [both.add_sequence(asked(temperature=0), candidate, (), 0) for candidate in range(2)]
    logits = torch.zeros((2, SIZE))
    logits[:, 7] = 10.0
    both.force(slots[0], (11, 12))
    assert [both.sample(logits, slots) for _ in range(3)] == [[11, 7], [12, 7], [7, 7]]
    both.force(slots[0], (11,))
    both.remove_sequence(slots[0])
    assert not both.forced_slots
