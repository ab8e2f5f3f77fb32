"""Details as people say and write them in many languages, and innocent lines that look like them."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.paths import ROOT
from tests.training.scrub.people import SUBJECT

LINES = ROOT / "tests/exports/scrub/said_lines.jsonl"


class Line(NamedTuple):
    """A line, the parts that scrubbing must take (none: it stays whole), and whether no rule does so yet."""

    kind: str
    text: str
    gone: tuple[str, ...]
    missed: bool = False


def read_lines(path: Path) -> list[Line]:
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return [Line(row["kind"], row["text"], tuple(row["gone"]), "missed" in row) for row in rows]


def is_scrubbed_right(line: Line) -> bool:
    left = SUBJECT.scrub(line.text).text
    return not any(part in left for part in line.gone) if line.gone else left == line.text


@pytest.mark.parametrize("line", [line for line in read_lines(LINES) if not line.missed], ids=ascii)
def test_a_detail_goes_and_an_innocent_line_stays(line: Line) -> None:
    assert is_scrubbed_right(line)
    once = SUBJECT.scrub(line.text).text
    assert SUBJECT.scrub(once).text == once


def test_what_is_still_missed_is_noted_as_such() -> None:
    assert [line for line in read_lines(LINES) if line.missed and is_scrubbed_right(line)] == []
