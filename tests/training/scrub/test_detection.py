"""Recall, precision and cost of the detectors on labelled and hostile texts."""

from itertools import pairwise

import pytest

from tests.benchmarks.scrub import by_kind, lines, measure
from tests.complexity.growth import MOST, MOST_STEPS, count_work, growth
from tests.training.scrub.people import SUBJECT
from training.scrub.detectors.span import PRIVATE_KINDS

HOSTILE = (
    "a|1|1 |0 |01 |+1|(1|1.|a.|a@|a@b.|@a.|@王|u/a |http://a|www.|a-|aA1_|eyJa.|-----BEGIN PRIVATE "
    "KEY-----|password: a |your code "
    "|密码是|市"
    "|路1号|北京市朝阳区|小明|A |12 A |Street 1 |Calle A |1 rue A |Will |Alice.|alice |\u200b"
    "|1\u200b"
    "|e\u0301|１|00:|aa:|::|DE89 "
    "|ocean |1. ocean |the wifi is |password's a b c d |one "
    "|double oh |a |a @ |一|@ a b |22 elm |at 1 elm |calle a "
    "|born 1 |1 May |1.234, |1°1'|22222222+|///a.|а|аa|a_1 on |a_1, that's my "
    "|4242 |110105|[|[phone]|<@1>|東京都|a at b dot |a (at) |May |s'|2024-01-01 |1234 5678 9012 |((|))"
).split("|")


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
def test_work_grows_linearly_with_the_length_of_a_hostile_text(piece: str) -> None:
    """The steps of the patterns themselves are counted in `tests/complexity/test_patterns.py`."""
    texts = [piece * (200 * times // len(piece)) for times in (1, 2, 4)]
    works = [count_work(lambda text=text: SUBJECT.scrub(text)) for text in texts]
    assert max(growth(*pair) for pair in pairwise(works)) <= MOST, works
    assert works[-1].lines + works[-1].items <= MOST_STEPS * len(texts[-1])


FLOORS: dict[
    str, dict[str, tuple[float, float]]
] = {  # recall and precision as they are; a kind that is not listed has 1 and 1
    "labelled": {"address": (1, 0.95)},
    "labelled_held": {"name": (1, 0.97)},
    "labelled_said": {},
    "labelled_hard": {
        "address": (0.44, 1),
        "card": (0.5, 0.5),
        "email": (0.42, 1),
        "identity": (0.57, 1),
        "link": (1, 0.75),
        "machine": (0.66, 1),
        "name": (0.55, 0.82),
        "phone": (0.7, 0.92),
        "secret": (0.5, 1),
    },
}


@pytest.mark.parametrize("name", FLOORS)
def test_recall_and_precision_do_not_fall(name: str) -> None:
    for kind, score in by_kind(measure(name)).items():
        recall, precision = FLOORS[name].get(kind, (1, 1))
        assert score.recall >= recall, (kind, score.faults)
        assert score.precision >= precision, (kind, score.faults)


def test_the_labelled_lines_are_many_distinct_and_their_spans_valid() -> None:
    for name, least in (("labelled", 300), ("labelled_held", 200), ("labelled_hard", 100)):
        listed = lines(name)
        assert len({line.text for line in listed}) == len(listed) >= least
        for line in listed:
            assert all(
                0 <= start < end <= len(line.text) and kind in PRIVATE_KINDS
                for start, end, kind in line.spans
            )
            assert all(one[1] <= other[0] for one, other in pairwise(line.spans))
