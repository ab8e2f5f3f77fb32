"""The choices of beam search, as transformers' `generate` makes them with early_stopping=False.

A beam's continuations are its next tokens. In each step the best ones of all beams together go on as beams or
have ended; the search is over when no beam can become better than those that ended. Pure functions.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Candidate = TypeVar("Candidate")


@dataclass(frozen=True, slots=True)
class Continuation:
    """A beam's next token; `score` is the sum of log probabilities of the beam with it."""

    beam: int  # number of the beam, best first
    token: int
    score: float


@dataclass(frozen=True, slots=True)
class Scored(Generic[Candidate]):
    """A candidate and the score that compares it with shorter and longer ones."""

    score: float
    candidate: Candidate


def continuation_count(beams: int, end_ids: int) -> int:
    """Return how many continuations a step needs so that `beams` of them hold none of the `end_ids`."""
    return max(2, 1 + end_ids) * beams


def final_score(score: float, length: int, length_penalty: float) -> float:
    """Return the score of a candidate with so many tokens, from its sum of log probabilities."""
    return score / math.pow(length, length_penalty)


def choose(
    ranked: Iterable[Candidate], beams: int, has_ended: Callable[[Candidate], bool]
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the candidates that go on, and those that have ended, of candidates that are ranked best first.

    The first `beams` that have not ended go on, also from further back. Only those among the first `beams`
    count as ended: one behind them would not be among the best even without its end.
    """
    running, ended = list[Candidate](), list[Candidate]()
    for place, candidate in enumerate(ranked):
        if place >= beams <= len(running):
            break
        if not has_ended(candidate):
            running.append(candidate)
        elif place < beams:
            ended.append(candidate)
    return running[:beams], ended


def best_ended(ended: Iterable[Scored[Candidate]], beams: int) -> list[Scored[Candidate]]:
    """Return the `beams` best candidates that have ended, best first; of equals, earlier ones come first."""
    return sorted(ended, key=lambda each: -each.score)[:beams]


def is_over(ended: Sequence[Scored[Candidate]], best_running: float | None, beams: int) -> bool:
    """Return whether the search is over: no beam runs, or none can take a place among those that ended.

    `best_running` is the final score that the best running beam would have if it ended now; None without one.
    """
    if best_running is None:
        return True
    return len(ended) >= beams and best_running <= min(each.score for each in ended)
