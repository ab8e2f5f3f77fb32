"""The counting matcher finds what the library finds, and tells linear patterns from others."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.complexity.counting_regex import CountingPattern
from tests.complexity.growth import MOST, MOST_STEPS, pattern_cost


@pytest.mark.parametrize(
    "pattern",
    [r"a*b", r"[^x]+y", r"(?<!\w)@\w{1,3}\b", r"(?:ab)*c", r"\s*+$", r"^a+b", r"(a|b)\1", r"x{0,30}y", r"\w"],
)
def test_a_linear_pattern_is_told(pattern: str) -> None:
    pattern_cost(re.compile(pattern), anchored=True).check()


@pytest.mark.parametrize(
    ("pattern", "anchored"),
    [
        (r"\s*$", False),
        (r"(a+)+b", True),
        (r"(a|aa)*b", True),
        (r"\s*(?:x)?\s*$", True),
        (r"a*a*b", True),
        (r"(?:-\s*)*\s*-!", True),
        (r"(.)\1+$", False),
        (r"<!--.*?-->(?:x)+<", False),
        (r"\w+@", False),
    ],
)
def test_a_pattern_that_is_not_linear_is_told(pattern: str, anchored: bool) -> None:
    assert pattern_cost(re.compile(pattern), anchored=anchored).growth > MOST


@pytest.mark.parametrize("pattern", [r"\w{0,60}\w{0,60}!", r"[a-z ]{1,300}!"])
def test_a_linear_pattern_with_many_steps_a_character_is_told(pattern: str) -> None:
    cost = pattern_cost(re.compile(pattern), anchored=False)
    assert cost.growth <= MOST < MOST_STEPS < cost.steps


PIECES = [
    "a",
    "b",
    "c",
    ".",
    "^",
    "$",
    r"\b",
    "[ab]",
    "[^a]",
    r"\w",
    "(a|b)",
    "(?:ab|a)",
    "(?=a)",
    "(?!b)",
    "(?<=a)",
]
REPEATS = ["", "", "*", "+", "?", "*?", "+?", "{1,3}", "*+"]


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(REPEATS)), min_size=1, max_size=4),
    st.text("abc \n", max_size=6),
)
def test_it_finds_what_the_library_finds(pieces: list[tuple[str, str]], text: str) -> None:
    source = "".join(
        piece if piece[0] in "^$\\" and piece != r"\w" else piece + repeat for piece, repeat in pieces
    )
    try:
        pattern = re.compile(source)
    except re.error:
        return
    match = pattern.match(text)
    assert CountingPattern(pattern).match_end(text) == (match.end() if match else None)
