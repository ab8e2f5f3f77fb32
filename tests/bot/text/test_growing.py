"""The newest part of a text that grows: bounded, steady, and code where it is code."""

from hypothesis import given
from hypothesis import strategies as st

from bot.text.growing import newest_text

TEXTS = st.lists(st.sampled_from(["a", "some words ", "\n", "\n\n", "```\n", "- x\n"]), max_size=120).map(
    "".join
)


@given(TEXTS)
def test_the_newest_text_is_bounded_and_ends_with_the_text(text: str) -> None:
    shown = newest_text(text, 80)
    assert len(shown) <= 80 + len("```\n")
    assert text.endswith(shown.removeprefix("```\n"))
    assert len(shown) >= min(20, len(text))


def test_the_newest_text_begins_at_the_same_line_until_the_text_has_grown_by_half_of_its_length() -> None:
    text = "".join(f"line {number:03}\n" for number in range(100))
    begins = [text.index(newest_text(text[:end], 200).split("\n")[0]) for end in range(201, 800)]
    assert begins == sorted(begins)
    assert len(set(begins)) == 6


def test_the_newest_lines_of_code_are_code() -> None:
    text = "Look:\n```py\n" + "x = 1\n" * 100
    assert newest_text(text, 100).startswith("```\nx = 1\n")
    assert newest_text(text + "```\n" + "so\n" * 60, 100).startswith("so\n")
