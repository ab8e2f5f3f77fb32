"""Biases, and penalties of presence and frequency, change logits by OpenAI's formulas, in any batch."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.interface import MAX_BIASES, Request
from bot.engine.runtime.transfer import PackedNumbers
from bot.engine.sampling.card_sampler import CardSampler, DrawSlices
from bot.engine.sampling.sampler import Sampler
from bot.engine.sampling.sampler_slots import SamplerSlots
from bot.persona.persona import Sampling

SIZE, END = 40, (3,)
KINDS = pytest.mark.parametrize("kind", [Sampler, CardSampler])

# All numbers are such that neither order nor float32 rounds them.
QUARTERS = st.integers(-8, 8).map(lambda quarters: quarters / 4)
samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    top_p=st.just(1.0),
    top_k=st.sampled_from([0, 5]),
    min_p=st.just(0.0),
    repetition_penalty=st.sampled_from([1.0, 2.0]),
    presence_penalty=QUARTERS,
    frequency_penalty=QUARTERS,
)
requests = st.builds(
    Request,
    ids=st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=4).map(tuple),
    sampling=samplings,
    spared=st.frozensets(st.integers(0, SIZE - 1), max_size=5),
    logit_bias=st.dictionaries(st.integers(0, SIZE - 1), QUARTERS, max_size=5),
)


def logits_of(step: int, row: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1000 * row + step)
    return (torch.randn(SIZE, generator=rng) * 8).round() / 4


def plain(request: Request) -> Request:
    """Return the request with its temperature and cuts alone."""
    off = {"repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
    return replace(request, sampling=request.sampling.model_copy(update=off), logit_bias={})


def adjusted(logits: torch.Tensor, request: Request, answer: list[int]) -> torch.Tensor:
    """Bias, repetition penalty, then those of frequency and presence, token by token."""
    sampling, counts = request.sampling, Counter(answer)
    found = logits.tolist()
    for token, bias in request.logit_bias.items():
        found[token] += bias
    seen = {*request.ids}.difference(request.spared, END) | {*answer}.difference(request.spared)
    for token in seen:
        score, penalty = found[token], sampling.repetition_penalty
        found[token] = score * penalty if score < 0 else score / penalty
    for token in {*answer}.difference(request.spared):
        found[token] -= sampling.frequency_penalty * counts[token] + sampling.presence_penalty
    return torch.tensor(found)


def expected(request: Request, steps: int, row: int) -> list[int]:
    """Return the tokens that adjusted logits give without biases and penalties."""
    alone = Sampler(SIZE, 1)
    slot, answer = alone.add_sequence(plain(request), row, END, 5), list[int]()
    for step in range(steps):
        [token] = alone.sample(adjusted(logits_of(step, row), request, answer)[None], [slot])
        assert token is not None
        answer.append(token)
    return answer


@KINDS
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(requests, st.booleans()), min_size=1, max_size=4), steps=st.integers(1, 12))
def test_logits_are_changed_by_the_formulas_whatever_else_is_in_the_batch(
    kind: type[SamplerSlots], rows: list[tuple[Request, bool]], steps: int
) -> None:
    asked = [plain(request) if is_plain else request for request, is_plain in rows]
    batch = kind(SIZE, 4, "cpu")  # type: ignore[call-arg]
    slots = [batch.add_sequence(request, row, END, 5) for row, request in enumerate(asked)]
    drawn = [
        batch.sample(torch.stack([logits_of(step, row) for row in range(len(asked))]), slots)
        for step in range(steps)
    ]
    answers = [list(tokens) for tokens in zip(*drawn, strict=True)]
    assert answers == [expected(request, steps, row) for row, request in enumerate(asked)]


@settings(max_examples=40, deadline=None)
@given(request=requests, steps=st.integers(1, 12))
def test_tokens_drawn_one_step_ahead_are_counted_too(request: Request, steps: int) -> None:
    ahead = CardSampler(SIZE, 2, "cpu")
    slot = ahead.add_sequence(request, 0, END, 5)
    answer = list[int]()
    for step in range(steps):
        packed, rows = PackedNumbers(), ahead.draw_rows([slot])
        draws = DrawSlices.pack(rows, packed).on(torch.tensor(packed.values))
        answer += ahead.draw(
            logits_of(step)[None], draws, sorts_all=True, adjusts=rows[0].is_adjusted
        ).tolist()
        ahead.note_sampled([slot])
    assert answer == expected(request, steps, 0)


@KINDS
def test_a_sampler_slot_holds_no_bias_and_no_count_of_its_former_sequence(kind: type[SamplerSlots]) -> None:
    one = kind(SIZE, 1, "cpu")  # type: ignore[call-arg]
    greedy = Sampling(temperature=0, repetition_penalty=1, presence_penalty=2, frequency_penalty=2)
    former = Request((1,), greedy, logit_bias=dict.fromkeys(range(SIZE), 0.5) | {7: 90.0})
    later = Request((1,), greedy, logit_bias={8: 1.0})
    slot = one.add_sequence(former, 0, END, 5)
    assert [one.sample(logits_of(step)[None], [slot]) for step in range(5)] == [[7]] * 5
    for request in (later, plain(later), later):
        one.remove_sequence(slot)
        slot = one.add_sequence(request, 0, END, 5)
        answer = [one.sample(logits_of(step)[None], [slot])[0] for step in range(9)]
        assert answer == expected(request, 9, 0)


@KINDS
def test_an_answer_holds_more_different_tokens_than_are_counted_at_first(kind: type[SamplerSlots]) -> None:
    one, size = kind(1000, 1, "cpu"), 1000  # type: ignore[call-arg]
    sampling = Sampling(temperature=0, repetition_penalty=1, presence_penalty=1)
    slot = one.add_sequence(Request((1,), sampling), 0, END, 5)
    assert [one.sample(torch.zeros(1, size), [slot])[0] for _ in range(size)] == list(range(size))


@KINDS
@pytest.mark.parametrize("count", [1, MAX_BIASES])
def test_a_bias_of_100_gives_its_token_and_one_of_minus_100_never_does(
    kind: type[SamplerSlots], count: int
) -> None:
    one, size = kind(2000, 2, "cpu"), 2000  # type: ignore[call-arg]
    logits = torch.zeros(2, size)
    logits[:, :count] = 9.0
    sampling = Sampling(temperature=0, repetition_penalty=1)
    never = Request((1,), sampling, logit_bias=dict.fromkeys(range(count), -100.0))
    always = Request((1,), sampling, logit_bias={1999: 100.0})
    slots = [one.add_sequence(request, 0, END, 5) for request in (never, always)]
    assert one.sample(logits, slots) == [count, 1999]


@pytest.mark.parametrize("spared", [frozenset(), frozenset({4})], ids=["counted", "spared"])
def test_a_token_that_is_taken_back_is_not_counted(spared: frozenset[int]) -> None:
    sampling = Sampling(temperature=0, repetition_penalty=1, frequency_penalty=1)
    used, fresh = CardSampler(SIZE, 1, "cpu"), CardSampler(SIZE, 1, "cpu")
    request, logits = Request((1,), sampling, spared=spared), logits_of(1)[None]
    logits[0, 4] = 6.0
    for sampler in (used, fresh):
        sampler.add_sequence(request, 0, END, 5)
    assert used.sample(logits, [0]) == [4]
    used.uncount(0, 4)
    used.note_sampled([0], -1)
    assert [used.sample(logits, [0]) for _ in range(9)] == [fresh.sample(logits, [0]) for _ in range(9)]
