"""Formatted text is split where plain text would be; parts joined have the whole's words and formats."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.formatted_splitting import MAX_SPANS, split_formatted
from bot.text.formatted_text import FormattedText, TextSpan, read_spans, write_spans
from bot.text.markdown_text import parse_markdown
from bot.text.splitting import utf16_length
from bot.text.visibility import is_visible
from tests.bot.text.split_texts import HOSTILE, MIXED

Formats = frozenset[tuple[str, str]]


def formats(text: FormattedText) -> list[tuple[str, Formats]]:
    """Each visible character with its formats."""
    return [
        (character, frozenset((s.kind, s.argument) for s in text.spans if s.start <= at < s.end))
        for at, character in enumerate(text.text)
        if not character.isspace() and is_visible(character)
    ]


@settings(deadline=None, max_examples=300)
@given(st.lists(MIXED | HOSTILE, max_size=3).map("\n".join), st.integers(4, 60))
def test_parts_joined_have_the_words_and_formats_of_the_whole(source: str, limit: int) -> None:
    whole = parse_markdown(source)
    parts = split_formatted(whole, limit, utf16_length)
    assert [found for part in parts for found in formats(part)] == formats(whole)
    assert all(utf16_length(part.text) <= limit and is_visible(part.text) for part in parts)
    assert all(0 <= s.start < s.end <= len(part.text) for part in parts for s in part.spans)


@pytest.mark.parametrize(
    "source", ["*a* " * 500, "**a *b*** " * 300, "> " + "`a` " * 400, "*a*" * 1 + "x" * 300]
)
def test_no_part_has_more_spans_than_a_platform_takes(source: str) -> None:
    whole = parse_markdown(source)
    parts = split_formatted(whole, 4096, utf16_length)
    assert all(len(part.spans) <= MAX_SPANS for part in parts)
    assert [found for part in parts for found in formats(part)] == formats(whole)


def test_code_that_is_cut_keeps_its_language() -> None:
    whole = parse_markdown("```py\none = 1\ntwo = 2\n```")
    assert [(part.text, part.spans) for part in split_formatted(whole, 9, len)] == [
        ("one = 1", (TextSpan("pre", 0, 7, "py"),)),
        ("two = 2", (TextSpan("pre", 0, 7, "py"),)),
    ]


def test_code_keeps_the_indentation_of_its_first_line() -> None:
    whole = parse_markdown("```py\nif x:\n    y = 1\n    z = 2\n```")
    assert [part.text for part in split_formatted(whole, 17, len)] == ["if x:\n    y = 1", "    z = 2"]
    assert [part.text for part in split_formatted(parse_markdown("\n```\n  a\nb\n```"), 99, len)] == [
        "  a\nb"
    ]


def test_parts_that_show_nothing_are_left_out() -> None:
    assert split_formatted(FormattedText("a" + "\u200b" * 30 + " b"), 10, len)[-1].text.endswith("b")
    assert all(
        is_visible(part.text) for part in split_formatted(FormattedText("a " + "\u200b" * 99), 10, len)
    )


@given(
    st.lists(st.builds(TextSpan, st.sampled_from(["bold", "pre"]), st.integers(), st.integers(), st.text()))
)
def test_written_spans_are_read_as_they_were(spans: list[TextSpan]) -> None:
    assert read_spans(write_spans(spans)) == tuple(spans)
