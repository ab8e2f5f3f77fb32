"""Scores of beams: continuations of all beams together, given next tokens, and logits that are no numbers."""

import pytest
import torch

from bot.engine.interface import Request
from bot.engine.sampling.beam_scores import Beam, BeamScores
from bot.persona.persona import Sampling

LOGITS = torch.tensor([[0.0, 1.0, 2.0, 3.0], [3.0, 0.0, -1.0, -2.0]])


def scores(beams: int = 2, **sampling: float) -> BeamScores:
    plain = {"repetition_penalty": 1.0} | sampling
    return BeamScores(Request((1,), Sampling(**plain), beams=beams), frozenset({9}))  # type: ignore[arg-type]


def test_continuations_are_the_best_of_all_beams_together() -> None:
    found = scores().continuations(LOGITS, [Beam((2,), -1.0), Beam((3,), -1.5)])
    totals = LOGITS.log_softmax(-1) + torch.tensor([[-1.0], [-1.5]])
    assert found is not None
    assert [(each.beam, each.token) for each in found] == [(0, 3), (1, 0), (0, 2), (0, 1)]
    assert [each.score for each in found] == [float(totals[each.beam, each.token]) for each in found]


def test_a_beam_whose_next_token_is_given_has_no_other_one() -> None:
    found = scores().continuations(LOGITS, [Beam((2,), 0.0, forced=1), Beam((3,), -90.0)])
    assert found is not None
    assert [(each.beam, each.token) for each in found] == [(0, 1), (1, 0), (1, 1), (1, 2)]


def test_a_small_vocabulary_gives_what_there_is() -> None:
    found = scores(8).continuations(LOGITS[:1], [Beam((), 0.0)])
    assert found is not None
    assert [each.token for each in found] == [3, 2, 1, 0]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_have_no_continuation(wrong: float) -> None:
    logits = LOGITS.clone()
    logits[1, 2] = wrong
    assert scores().continuations(logits, [Beam((2,), 0.0), Beam((3,), -90.0)]) is None


def test_a_score_changes_no_logits() -> None:
    logits = LOGITS.clone()
    scores(repetition_penalty=1.3, presence_penalty=1.0).continuations(
        logits, [Beam((2,), 0.0), Beam((3,), 0.0)]
    )
    assert torch.equal(logits, LOGITS)
