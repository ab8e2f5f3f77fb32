"""The next token has the distribution of transformers' logits processors, in any batch."""

import math
from dataclasses import replace
from itertools import accumulate

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from bot.engine.sampling.ops import SamplingColumns, penalise_repetition, sample_tokens, scale_logits
from bot.persona.persona import Sampling

PLAIN = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
CASES = [
    {},
    {"temperature": 0.3},
    {"temperature": 2.5},
    {"top_k": 1},
    {"top_k": 7},
    {"top_k": 70},
    {"top_k": 100_000},
    {"top_p": 0.05},
    {"top_p": 0.5},
    {"top_p": 0.999},
    {"min_p": 0.1},
    {"min_p": 1.0},
    {"top_k": 40, "top_p": 0.8},
    {"temperature": 0.7, "top_k": 50, "top_p": 0.9, "min_p": 0.05},
    {"temperature": 4.0, "top_p": 0.9},
    {"temperature": 1.3, "top_p": 0.7, "min_p": 0.2},
]
LAST = 1 - 2**-24  # the greatest number that an rng makes
SIZES = (1, 7, 33, 200, 5000)  # of which the last is wide enough to be looked through in chunks

samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    top_p=st.sampled_from([0.0613, 0.5413, 0.8917, 0.9737, 1.0]),
    top_k=st.sampled_from([0, 1, 5, 63, 64, 150, 1000, 4000]),
    min_p=st.sampled_from([0.0, 0.0171, 0.2319, 1.0]),
)
uniform_numbers = st.one_of(st.sampled_from([0.0, LAST]), st.floats(0, LAST))


def settled(**changes: object) -> Sampling:
    return Sampling.model_validate(PLAIN | changes)


def logits_of(rows: int = 1, size: int = 1000, seed: int = 0, spread: float = 3.0) -> torch.Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed)) * spread


@st.composite
def coarse(draw_from: st.DrawFn) -> torch.Tensor:
    """Draw one row with many equal logits, which every temperature here divides without rounding."""
    size, seed = draw_from(st.sampled_from(SIZES)), draw_from(st.integers(0, 1000))
    return (logits_of(1, size, seed, draw_from(st.sampled_from([0.0, 1.0, 5.0, 12.0]))) * 2).round() / 2


def drawn(logits: torch.Tensor, chosen: list[Sampling], numbers: list[float]) -> list[int | None]:
    columns = SamplingColumns.from_samplings(chosen, logits.shape[-1])
    return sample_tokens(
        scale_logits(logits, columns.temperature),
        columns,
        torch.tensor(numbers, dtype=torch.float64)[:, None],
    )


def plainly_drawn(logits: list[float], sampling: Sampling, number: float) -> int:
    """Sample by sorted lists; reject examples whose choice depends on rounding."""
    order = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
    if sampling.temperature == 0:
        return order[0]
    order = order[: sampling.top_k or None]
    weights = [math.exp((logits[token] - logits[order[0]]) / sampling.temperature) for token in order]
    total, before = sum(weights), [0.0, *accumulate(weights)]
    assume(all(abs(mass / total - sampling.top_p) > 1e-5 for mass in before[1:-1]))
    kept = [
        place
        for place, weight in enumerate(weights)
        if place == 0
        or ((sampling.top_p == 1 or before[place] < sampling.top_p * total) and weight >= sampling.min_p)
    ]
    target = number * before[len(kept)]
    assume(all(number in (0, LAST) or abs(mass - target) > 1e-5 * total for mass in before))
    return order[max(place for place in kept if before[place] <= target)]


@settings(max_examples=300, deadline=None)
@given(logits=coarse(), sampling=samplings, number=uniform_numbers)
def test_a_row_samples_what_sorting_its_whole_vocabulary_gives(
    logits: torch.Tensor, sampling: Sampling, number: float
) -> None:
    assert drawn(logits, [sampling], [number]) == [plainly_drawn(logits[0].tolist(), sampling, number)]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    top_k=st.sampled_from([0, 500, 1100, 2000]),
    top_p=st.sampled_from([0.1171, 0.5413, 0.8917, 1.0]),
    number=uniform_numbers,
)
def test_a_row_with_a_wide_choice_samples_what_sorting_gives(
    seed: int, top_k: int, top_p: float, number: float
) -> None:
    logits, sampling = logits_of(1, 5000, seed), settled(top_k=top_k, top_p=top_p)
    assert drawn(logits, [sampling], [number]) == [plainly_drawn(logits[0].tolist(), sampling, number)]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(samplings, uniform_numbers, st.sampled_from([0.1, 1.0, 5.0])), min_size=2, max_size=6
    ),
    size=st.sampled_from(SIZES),
    broken=st.sets(st.integers(0, 5)),
)
def test_a_row_samples_the_same_alone_and_in_any_batch(
    rows: list[tuple[Sampling, float, float]], size: int, broken: set[int]
) -> None:
    chosen, numbers, spreads = (list(column) for column in zip(*rows, strict=True))
    logits = logits_of(len(rows), size) * torch.tensor(spreads)[:, None]
    for row in broken & set(range(len(rows))):
        logits[row, row % size] = math.nan
    alone = [drawn(logits[[row]], [chosen[row]], [numbers[row]])[0] for row in range(len(rows))]
    assert drawn(logits, chosen, numbers) == alone


@settings(max_examples=60, deadline=None)
@given(
    logits=coarse(), sampling=samplings, number=uniform_numbers, few=st.sampled_from([1, 20, 300, 2000, 5024])
)
def test_how_many_tokens_are_sorted_at_first_changes_nothing(
    logits: torch.Tensor, sampling: Sampling, number: float, few: int
) -> None:
    columns = SamplingColumns.from_samplings([sampling], logits.shape[-1])
    scores, numbers = scale_logits(logits, columns.temperature), torch.tensor([[number]], dtype=torch.float64)
    assert sample_tokens(scores, replace(columns, first_count=few), numbers) == sample_tokens(
        scores, columns, numbers
    )


def theirs(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    ids = torch.zeros((logits.shape[0], 1), dtype=torch.int64)
    logits = TemperatureLogitsWarper(sampling.temperature)(ids, logits)
    if sampling.top_k:
        logits = TopKLogitsWarper(sampling.top_k)(ids, logits)
    if sampling.top_p < 1:
        logits = TopPLogitsWarper(sampling.top_p)(ids, logits)
    return MinPLogitsWarper(sampling.min_p)(ids, logits) if sampling.min_p else logits


@pytest.mark.parametrize("spread", [0.1, 1.0, 6.0])
@pytest.mark.parametrize("case", CASES)
def test_tokens_come_as_often_as_transformers_would_draw_them(case: dict[str, object], spread: float) -> None:
    logits, sampling, many = logits_of(1, 200, spread=spread), settled(**case), 2000
    tokens = drawn(logits.expand(many, -1), [sampling] * many, [(i + 0.5) / many for i in range(many)])
    share = torch.bincount(torch.tensor(tokens), minlength=200) / many
    torch.testing.assert_close(share, theirs(logits, sampling).softmax(-1)[0], atol=1 / many, rtol=1e-5)


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.1, 2.0, 3.0, 10.0])
def test_repetition_is_penalised_once_as_transformers_does(penalty: float) -> None:
    logits, ids = logits_of(2), torch.tensor([[1, 5, 5, 900], [0, 2, 3, 4]])
    expected = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits.clone())
    penalise_repetition(logits, ids, torch.full((2, 1), penalty))
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_scores_are_float32_and_padded_with_minus_infinity(dtype: torch.dtype) -> None:
    logits = logits_of(2, 40).to(dtype)
    scores = scale_logits(logits, torch.tensor([[0.5], [2.0]]))
    expected = torch.full((2, 64), -math.inf)
    expected[:, :40] = logits.float() / torch.tensor([[0.5], [2.0]])
    assert torch.equal(scores, expected)


@pytest.mark.parametrize("size", SIZES[2:])
@pytest.mark.parametrize("number", [0.0, 0.5, LAST])
def test_a_token_of_minus_infinity_is_never_sampled(number: float, size: int) -> None:
    logits = logits_of(100, size)
    logits[:, 20:] = -math.inf
    assert set(drawn(logits, [settled()] * 100, [number] * 100)) <= set(range(20))


@pytest.mark.parametrize("others", [[], [settled()]], ids=["greedy rows only", "mixed rows"])
@pytest.mark.parametrize("temperature", [0.0, 1e-30])
def test_temperature_zero_takes_the_likeliest_token_of_equals_the_first(
    temperature: float, others: list[Sampling]
) -> None:
    logits = logits_of(4, 5000)
    logits[1] = 0.0
    logits[2, [4000, 300, 33]] = 50.0
    greedy = [settled(temperature=temperature)] * 3
    tokens = drawn(logits[: 3 + len(others)], greedy + others, [LAST] * (3 + len(others)))
    assert tokens[:3] == [int(logits[0].argmax()), 0, 33]


@pytest.mark.parametrize("size", [9, 5000])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_row_without_numbers_is_none_and_leaves_the_others_alone(
    bad: float, temperature: float, size: int
) -> None:
    logits, chosen = logits_of(3, size), [settled(temperature=temperature, top_p=0.9, min_p=0.1)] * 3
    fine = drawn(logits, chosen, [0.3] * 3)
    logits[1, 7] = bad
    assert drawn(logits, chosen, [0.3] * 3) == [fine[0], None, fine[2]]


@pytest.mark.parametrize("size", [9, 5000])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_row_of_minus_infinity_is_none(temperature: float, size: int) -> None:
    assert drawn(torch.full((1, size), -math.inf), [settled(temperature=temperature)], [0.5]) == [None]
