"""The choices of beam search: rules that hold for all scores, and the best text of all with enough beams."""

import math
from collections.abc import Iterator
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from bot.engine.sampling.beam_search import (
    Scored,
    best_ended,
    choose,
    continuation_count,
    final_score,
    is_over,
)

SCORES = st.floats(-50, 0)
TOKENS, END, LONGEST = 3, 0, 4  # of a small language; token 0 ends a text
Table = list[list[float]]  # log probabilities of the next token by the last one


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 8))
def test_the_first_that_have_not_ended_go_on_and_only_the_first_ones_end(
    ends: list[bool], beams: int
) -> None:
    running, ended = choose(range(len(ends)), beams, ends.__getitem__)
    assert running == [place for place, end in enumerate(ends) if not end][:beams]
    assert ended == [place for place, end in enumerate(ends) if end and place < beams]


@given(st.integers(1, 8), st.integers(0, 9), st.data())
def test_a_step_has_enough_continuations_whatever_ends(beams: int, end_ids: int, data: st.DataObject) -> None:
    count = continuation_count(beams, end_ids)
    ended = data.draw(st.sets(st.integers(0, count - 1), max_size=beams * end_ids))
    running, _ = choose(range(count), beams, ended.__contains__)
    assert len(running) == beams


@given(st.lists(SCORES, max_size=20), st.lists(SCORES, max_size=20), st.integers(1, 8))
def test_the_best_that_ended_do_not_depend_on_when_they_ended(
    first: list[float], second: list[float], beams: int
) -> None:
    early = best_ended((Scored(score, "") for score in first), beams)
    late = best_ended((*early, *(Scored(score, "") for score in second)), beams)
    assert [each.score for each in late] == sorted((*first, *second), reverse=True)[:beams]


@given(st.lists(SCORES, max_size=8), SCORES, st.integers(1, 8))
def test_a_search_goes_on_while_a_place_is_free_or_a_beam_is_better_than_the_worst(
    scores: list[float], running: float, beams: int
) -> None:
    ended = best_ended((Scored(score, "") for score in scores), beams)
    goes_on = len(ended) < beams or running > ended[-1].score
    assert is_over(ended, running, beams) is not goes_on
    assert is_over(ended, None, beams)


def tables() -> st.SearchStrategy[Table]:
    weights = st.lists(st.integers(1, 1000), min_size=TOKENS, max_size=TOKENS)
    rows = st.lists(weights, min_size=TOKENS, max_size=TOKENS)
    return rows.map(lambda table: [[math.log(weight / sum(row)) for weight in row] for row in table])


def searched(table: Table, beams: int, penalty: float) -> tuple[int, ...]:
    """Return the text that the search finds."""
    running, ended = [((), 0.0)], list[Scored[tuple[int, ...]]]()
    for length in range(1, LONGEST + 1):
        grown = [((*text, token), score + table[text[-1] if text else 0][token])
                 for text, score in running for token in range(TOKENS)]  # fmt: skip
        ranked = sorted(grown, key=lambda each: -each[1])[: continuation_count(beams, 1)]
        running, new = choose(ranked, beams, lambda each: each[0][-1] == END or len(each[0]) == LONGEST)
        ended = best_ended(
            (*ended, *(Scored(final_score(s, length, penalty), text) for text, s in new)), beams
        )
        if is_over(ended, final_score(running[0][1], length, penalty) if running else None, beams):
            break
    return ended[0].candidate


def all_texts() -> Iterator[tuple[int, ...]]:
    for length in range(1, LONGEST + 1):
        for text in product(range(TOKENS), repeat=length):
            if END not in text[:-1] and (text[-1] == END or length == LONGEST):
                yield text


def whole_score(table: Table, text: tuple[int, ...], penalty: float) -> float:
    logprobs = [table[last][token] for last, token in zip((0, *text), text, strict=False)]
    return final_score(sum(logprobs), len(text), penalty)


@given(tables(), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]))
def test_as_many_beams_as_texts_find_the_best_text_of_all(table: Table, penalty: float) -> None:
    found = whole_score(table, searched(table, TOKENS**LONGEST, penalty), penalty)
    assert math.isclose(found, max(whole_score(table, text, penalty) for text in all_texts()))
