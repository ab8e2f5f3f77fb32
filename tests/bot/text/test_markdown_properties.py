"""Formatted text of any Markdown: no word is lost, spans are in order, a growing text shows no half mark."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.formatted_text import OPAQUE
from bot.text.markdown_text import parse_markdown
from tests.bot.text.split_texts import GROWING, HOSTILE, MIXED, letters


@settings(deadline=None, max_examples=400)
@given(MIXED | HOSTILE)
def test_no_word_is_lost_and_none_is_made(source: str) -> None:
    parsed = parse_markdown(source)
    whole = parsed.text
    hidden = [(s.end, s.argument) for s in parsed.spans if s.kind == "text_link"]
    hidden += [(s.start, s.argument) for s in parsed.spans if s.kind == "pre"]
    for at, words in sorted(hidden, reverse=True):
        whole = whole[:at] + words + whole[at:]
    assert letters(whole) == letters(source)


@settings(deadline=None, max_examples=400)
@given(MIXED | HOSTILE)
def test_spans_are_nested_in_order_and_not_blank(source: str) -> None:
    parsed = parse_markdown(source)
    spans = parsed.spans
    assert all(parsed.text[s.start : s.end].strip() for s in spans)
    assert [(s.start, -s.end) for s in spans] == sorted((s.start, -s.end) for s in spans)
    for number, outer in enumerate(spans):
        for inner in spans[number + 1 :]:
            assert inner.start >= outer.end or inner.end <= outer.end
            assert inner.start >= outer.end or outer.kind not in ("code", "pre")
    opaque = [span for span in spans if span.kind in OPAQUE]
    assert all(one.end <= other.start for one, other in pairwise(opaque))


WORDS = st.lists(st.sampled_from(["one", "two.", "thr-ee", "小满。", "x=1", "😀"]), min_size=1, max_size=5)
KINDS = {"*": "italic", "**": "bold", "__": "underline", "~~": "strikethrough", "||": "spoiler", "`": "code"}


@st.composite
def marked(draw: st.DrawFn, outer: tuple[str, ...] = ()) -> tuple[str, list[tuple[str, frozenset[str]]]]:
    """A text of words and of texts within marks, and each visible character with its formats."""
    pieces, seen = list[str](), list[tuple[str, frozenset[str]]]()
    for mark in draw(st.lists(st.sampled_from(["", *KINDS]), min_size=1, max_size=4)):
        if mark and mark not in outer and "`" not in outer and not (mark[0] == "*" and "*" in "".join(outer)):
            inside, characters = draw(marked((*outer, mark)))
            pieces.append(mark + inside + mark)
            seen += characters
        else:
            words = " ".join(draw(WORDS))
            pieces.append(words)
            kinds = frozenset(["code"] if "`" in outer else [KINDS[mark] for mark in outer])
            seen += [(character, kinds) for character in words if not character.isspace()]
    return " ".join(pieces), seen


@settings(deadline=None, max_examples=200)
@given(marked())
def test_every_character_has_its_formats(case: tuple[str, list[tuple[str, frozenset[str]]]]) -> None:
    source, expected = case
    parsed = parse_markdown(source)
    formats = [
        (character, frozenset(s.kind for s in parsed.spans if s.start <= at < s.end))
        for at, character in enumerate(parsed.text)
        if not character.isspace()
    ]
    assert formats == expected


@pytest.mark.parametrize("source", GROWING)
def test_a_growing_text_shows_no_half_mark(source: str) -> None:
    for end in range(1, len(source) + 1):
        text = parse_markdown(source[:end], is_growing=True).text
        assert not re.search(r"[*_`~#>]|\|\||\]\(|^\| ", text), (source[:end], text)


@pytest.mark.parametrize("source", GROWING)
def test_a_whole_text_shown_as_growing_differs_in_nothing_that_shows(source: str) -> None:
    growing, whole = parse_markdown(source, is_growing=True), parse_markdown(source)
    assert growing == whole
