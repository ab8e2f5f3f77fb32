"""The next token is drawn as transformers would draw it, for every row by its own settings."""

import pytest
import torch
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from bot.engine.engine import Request
from bot.engine.sampling import Columns, Sampler, draw, keep, penalise, pick
from bot.persona.persona import Sampling

PLAIN = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
CASES = [
    {},
    {"temperature": 0.3},
    {"temperature": 2.5},
    {"top_k": 1},
    {"top_k": 7},
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


def scores(rows: int = 1, size: int = 1000, seed: int = 0, spread: float = 3.0) -> torch.Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed)) * spread


def settled(**changes: object) -> Sampling:
    return Sampling.model_validate(PLAIN | changes)


def theirs(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    ids = torch.zeros((logits.shape[0], 1), dtype=torch.int64)
    logits = TemperatureLogitsWarper(sampling.temperature)(ids, logits)
    if sampling.top_k:
        logits = TopKLogitsWarper(sampling.top_k)(ids, logits)
    if sampling.top_p < 1:
        logits = TopPLogitsWarper(sampling.top_p)(ids, logits)
    return MinPLogitsWarper(sampling.min_p)(ids, logits) if sampling.min_p else logits


def ours(logits: torch.Tensor, *samplings: Sampling) -> torch.Tensor:
    columns = Columns.of(samplings)
    return keep(logits / columns.temperature, columns)


@pytest.mark.parametrize("spread", [0.1, 1.0, 6.0])
@pytest.mark.parametrize("case", CASES)
def test_a_row_keeps_the_tokens_that_transformers_keeps(case: dict[str, object], spread: float) -> None:
    logits, sampling = scores(spread=spread), settled(**case)
    torch.testing.assert_close(ours(logits, sampling), theirs(logits.clone(), sampling))


def test_every_row_of_a_batch_follows_its_own_settings() -> None:
    samplings = [settled(**case) for case in CASES]
    logits = scores(len(samplings))
    expected = torch.cat([theirs(logits[[row]].clone(), sampling) for row, sampling in enumerate(samplings)])
    torch.testing.assert_close(ours(logits, *samplings), expected)


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.1, 2.0])
def test_repetition_is_penalised_as_transformers_does(penalty: float) -> None:
    logits, ids = scores(2), torch.tensor([[1, 5, 5, 900], [0, 2, 3, 4]])
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, ids, True)
    expected = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits.clone())
    torch.testing.assert_close(penalise(logits, torch.full((2, 1), penalty), seen), expected)


def test_tokens_come_as_often_as_they_are_likely() -> None:
    logits = scores(1, 20)
    dice = (torch.arange(100_000) + 0.5) / 100_000
    drawn = pick(logits.expand(len(dice), -1), dice)
    share = torch.bincount(drawn, minlength=20) / len(dice)
    torch.testing.assert_close(share, logits.softmax(-1)[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-24])
def test_a_token_that_is_ruled_out_is_never_drawn(number: float) -> None:
    logits = torch.full((1, 50), float("-inf"))
    logits[0, 20] = logits[0, 30] = 0.0
    assert int(pick(logits, torch.tensor([number]))) in (20, 30)


def drawn(logits: torch.Tensor, *samplings: Sampling, dice: float = 0.3) -> list[int | None]:
    seen = torch.zeros_like(logits, dtype=torch.bool)
    return draw(logits, Columns.of(samplings), seen, None, torch.full((len(samplings),), dice))


def test_temperature_zero_takes_the_likeliest_token() -> None:
    logits = scores(2)
    assert (
        drawn(logits, settled(temperature=0), settled(temperature=0), dice=0.99) == logits.argmax(-1).tolist()
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_row_without_numbers_is_none_and_leaves_the_others_alone(bad: float, temperature: float) -> None:
    logits = scores(3)
    sampling = settled(temperature=temperature, top_p=0.9, top_k=20, min_p=0.1)
    fine = drawn(logits, sampling, sampling, sampling)
    logits[1, 7] = bad
    assert drawn(logits, sampling, sampling, sampling) == [fine[0], None, fine[2]]


def test_a_row_that_rules_everything_out_is_none() -> None:
    assert drawn(torch.full((1, 9), float("-inf")), settled(temperature=0.5)) == [None]


def sampler(**more: object) -> Sampler:
    request = Request(ids=(1, 2, 3), **({"sampling": settled(temperature=1.5), "seed": 3, "n": 3} | more))
    return Sampler(request, end=[9], vocabulary=1000, device="cpu")


def test_the_same_seed_draws_the_same_tokens() -> None:
    one, other = sampler(), sampler()
    assert [one.draw(scores(3, seed=i)) for i in range(5)] == [
        other.draw(scores(3, seed=i)) for i in range(5)
    ]


def test_another_seed_draws_other_tokens() -> None:
    one, other = sampler(), sampler(seed=4)
    assert [one.draw(scores(3, seed=i)) for i in range(5)] != [
        other.draw(scores(3, seed=i)) for i in range(5)
    ]


def test_candidates_draw_differently() -> None:
    three = sampler()
    steps = [three.draw(scores(1, seed=i).expand(3, -1)) for i in range(5)]
    assert len({tuple(step[row] for step in steps) for row in range(3)}) == 3


def test_a_candidate_draws_the_same_alone_and_among_others() -> None:
    alone, among = sampler(n=1), sampler()
    for i in range(5):
        assert alone.draw(scores(1, seed=i))[0] == among.draw(scores(1, seed=i).expand(3, -1))[0]


def test_a_candidate_goes_on_the_same_when_others_end() -> None:
    one, other = sampler(), sampler()
    one.draw(scores(3))
    other.draw(scores(3))
    other.keep([2])
    assert other.draw(scores(3, seed=1)[[2]])[0] == one.draw(scores(3, seed=1))[2]


def test_an_answer_does_not_end_before_it_may() -> None:
    logits = torch.zeros(1, 1000)
    logits[0, 9] = 50.0
    short = sampler(n=1, sampling=settled(temperature=0, min_tokens=2))
    assert [short.draw(logits)[0] == 9 for _ in range(3)] == [False, False, True]


def test_tokens_of_the_answer_are_penalised_too() -> None:
    logits = torch.zeros(1, 1000)
    logits[0, 500], logits[0, 600] = 2.0, 1.5
    once = sampler(n=1, sampling=settled(temperature=0, repetition_penalty=1.9))
    assert [once.draw(logits)[0] for _ in range(2)] == [500, 600]
