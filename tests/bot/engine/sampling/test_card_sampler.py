"""The sampler for cards draws the tokens of the other one, also before the host has read those before."""

import math
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.interface import Request
from bot.engine.runtime.transfer import PackedNumbers
from bot.engine.sampling.card_sampler import CardSampler, DrawRow, DrawSlices
from bot.engine.sampling.ops import INVALID, UNSETTLED
from bot.engine.sampling.sampler import Sampler
from bot.persona.persona import Sampling

SIZE = 3000  # tokens: more than are sorted at once
END = (9, 11, SIZE + 5)  # one of them is no token of the model
CHOICES = [
    Sampling(),
    Sampling(temperature=0),
    Sampling(temperature=0, repetition_penalty=1),
    Sampling(temperature=0.7, top_k=40, top_p=0.9, min_tokens=4, repetition_penalty=1.9),
    Sampling(temperature=1.5, top_p=0.6, min_p=0, repetition_penalty=1),
    Sampling(temperature=0.9, top_p=0.75, top_k=60, repetition_penalty=3),
    Sampling(temperature=1.3, presence_penalty=-0.7, frequency_penalty=0.9),
]
UNFILTERED = Sampling(temperature=2, top_p=1, min_p=0, top_k=0, repetition_penalty=1)


def logits_of(step: int, rows: int = 1) -> torch.Tensor:
    return torch.randn(rows, SIZE, generator=torch.Generator().manual_seed(step)) * 3


def draw(sampler: CardSampler, logits: torch.Tensor, rows: list[DrawRow]) -> list[int]:
    """Return what `draw` gives; nothing is noted as sampled."""
    packed = PackedNumbers()
    slices = DrawSlices.pack(rows, packed)
    adjusts = any(row.is_adjusted for row in rows)
    draws = slices.on(torch.tensor(packed.values))
    tokens: list[int] = sampler.draw(logits, draws, adjusts=adjusts).tolist()
    return tokens


@given(
    st.lists(st.tuples(st.sampled_from([*CHOICES, UNFILTERED]), st.integers(1, 6)), min_size=1, max_size=7),
    st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None)
def test_the_sampler_for_cards_draws_the_tokens_of_the_other(
    sequences: list[tuple[Sampling, int]], chance: Random
) -> None:
    """Sequences take turns in four slots, so that every slot holds several of them."""
    ours, theirs, step = CardSampler(SIZE, 4, "cpu"), Sampler(SIZE, 4), 0
    waiting, running = list(sequences), dict[int, int]()
    while waiting or running:
        while waiting and len(running) < 4:
            sampling, length = waiting.pop()
            biases = {chance.randrange(SIZE): chance.uniform(-9, 9) for _ in range(chance.choice([0, 0, 4]))}
            request = Request(tuple(chance.sample(range(SIZE), 5)), sampling, logit_bias=biases)
            end = END if chance.random() < 0.7 else ()
            seed = chance.randrange(1 << 40)
            slot, same = (one.add_sequence(request, 0, end, seed) for one in (ours, theirs))
            assert slot == same
            running[slot] = length
        order, step = chance.sample(list(running), len(running)), step + 1
        logits = logits_of(step, len(order))
        assert ours.sample(logits, order) == theirs.sample(logits, order)
        for slot in order:
            running[slot] -= 1
            if not running[slot]:
                del running[slot]
                ours.remove_sequence(slot)
                theirs.remove_sequence(slot)


@pytest.mark.parametrize("sampling", CHOICES)
def test_tokens_drawn_one_step_ahead_are_those_of_steps_that_the_host_reads(sampling: Sampling) -> None:
    request = Request((1, 2, 3), sampling)
    ahead, plain = CardSampler(SIZE, 2, "cpu"), CardSampler(SIZE, 2, "cpu")
    for sampler in (ahead, plain):
        sampler.add_sequence(request, 0, END, 5)
    tokens = []
    for step in range(8):
        tokens += draw(ahead, logits_of(step), ahead.draw_rows([0]))
        ahead.note_sampled([0])
    assert tokens == [plain.sample(logits_of(step), [0])[0] for step in range(8)]
    assert ahead.latest(torch.tensor([0])).tolist() == tokens[-1:]


def test_a_row_that_fills_a_batch_up_leaves_no_trace() -> None:
    plain, padded = CardSampler(SIZE, 3, "cpu"), CardSampler(SIZE, 3, "cpu")
    for sampler in (plain, padded):
        sampler.add_sequence(Request((1, 2), Sampling(repetition_penalty=1.9)), 0, END, 5)
    [row] = padded.draw_rows([0])
    padding = DrawRow(0, padded.padding_slot, 0.999, False)
    expected = draw(plain, logits_of(1), plain.draw_rows([0]))
    assert draw(padded, logits_of(1).expand(2, -1), [row, padding])[:1] == expected
    for sampler in (plain, padded):
        sampler.note_sampled([0])
    assert padded.sample(logits_of(2), [0]) == plain.sample(logits_of(2), [0])
    assert padded._seen[:3].equal(plain._seen[:3])


@pytest.mark.parametrize(
    ("logits", "sampling", "token"),
    [
        (torch.full((1, SIZE), math.nan), Sampling(), INVALID),
        (torch.zeros(1, SIZE), UNFILTERED, UNSETTLED),
    ],
)
def test_behind_no_token_there_is_none_either_until_the_host_has_drawn_it(
    logits: torch.Tensor, sampling: Sampling, token: int
) -> None:
    sampler, plain = CardSampler(SIZE, 1, "cpu"), Sampler(SIZE, 1)
    for one in (sampler, plain):
        one.add_sequence(Request((1,), sampling), 0, END, 3)
    rows = [DrawRow(0, 0, 0.9, False)]
    assert draw(sampler, logits, rows) == [token]
    assert draw(sampler, logits_of(1), rows) == [token]
    assert sampler.latest(torch.tensor([0])).tolist() == [0]
    assert sampler.sample(logits_of(2), [0]) == plain.sample(logits_of(2), [0])
    certain = logits_of(3).index_fill(1, torch.tensor([7]), 100.0)
    assert draw(sampler, certain, rows) == [7]
