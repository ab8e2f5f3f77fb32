"""The splitter closes formatting at the end of a part and opens it again in the next."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.text.splitting import MessagePart, split_message
from tests.bot.text.split_texts import HOSTILE, wholes

Formats = frozenset[str]


@pytest.mark.parametrize(
    ("text", "limit", "sent"),
    [
        ("**bold text that goes on** and", 20, ["**bold text that**", "**goes on** and"]),
        ("__under lines that go on__ x", 20, ["__under lines__", "__that go on__ x"]),
        ("~~gone and forgotten now~~", 20, ["~~gone and~~", "~~forgotten now~~"]),
        ("||a secret nobody knows||", 20, ["||a secret nobody||", "||knows||"]),
        ("*he walks slowly away* hi", 20, ["*he walks slowly*", "*away* hi"]),
        ("_he walks slowly away_ hi", 20, ["_he walks slowly_", "_away_ hi"]),
        ("***both of these words*** x", 20, ["***both of these***", "***words*** x"]),
        ("***both* of these words** x", 20, ["***both* of these**", "**words** x"]),
        ("***both** of these words* x", 20, ["***both** of these*", "*words* x"]),
        ("*a **b c d e f g h i j** k*", 20, ["*a **b c d e f g***", "***h i j** k*"]),
        ("`let a = b + c * d ** e`", 20, ["`let a = b + c * d`", "`** e`"]),
        ("``a ` b c d e f g h i``", 20, ["``a ` b c d e f g``", "``h i``"]),
        (
            "```py\nx = 1\nif x:\n    y = 2\n    z = 3\n```\nDone.",
            30,
            ["```py\nx = 1\nif x:\n```", "```py\n    y = 2\n    z = 3\n```", "Done."],
        ),
        ("**```\na b\nc d\ne f\n```**", 22, ["**```\na b\nc d\n```**", "**```\ne f\n```**"]),
        ("**a ```x *y* z``` b c d e**", 24, ["**a ```x *y* z``` b c**", "**d e**"]),
        ("```\na b\nc d\ne f g h i", 16, ["```\na b\nc d\n```", "```\ne f g h\n```", "```\ni\n```"]),
    ],
)
def test_formatting_is_closed_and_opened_again(text: str, limit: int, sent: list[str]) -> None:
    assert wholes(split_message(text, limit)) == sent


@pytest.mark.parametrize(
    "text",
    [
        "* one is this\n* two is that\n* three",
        "snake_case_names and other_names_too",
        r"an escaped \*star here and there\* is none",
        r"an escaped \`tick here and there\` is none",
        "an open **mark that nobody ever closes",
        "an open `mark that nobody ever closes",
        "stars * with room * around them, 2 ** 3 ** 4",
        "a scene\n***\nand another one\n***\nend",
        "**** blanks to fill in: ____ and ____ too",
        "a fence ``` in a line, never closed",
    ],
)
def test_what_is_no_formatting_is_not_closed(text: str) -> None:
    assert {(part.before, part.after) for part in split_message(text, 20)} == {("", "")}


def test_code_has_no_formatting_and_no_escapes() -> None:
    assert wholes(split_message("`**a \\` and b `c d** e` f", 14)) == ["`**a \\` and b", "`c d** e` f"]


@pytest.mark.parametrize(
    ("text", "limit", "sent"),
    [
        ("aaaa bbb **c** dd", 10, ["aaaa bbb", "**c** dd"]),
        ("aaaaaaaa**bb**cccc", 10, ["aaaaaaaa", "**bb**cccc"]),
        ("aaaaaa**bb**cccc", 10, ["aaaaaa", "**bb**cccc"]),
        ("**bbbbbb**cccc", 9, ["**bbbbb**", "**b**cccc"]),
        (r"aaaaaaa\*bbb", 8, ["aaaaaaa", r"\*bbb"]),
        (r"**aaaaa bb\ ccc dd**", 14, ["**aaaaa**", r"**bb\ ccc dd**"]),
    ],
)
def test_no_mark_is_cut_or_left_with_nothing_to_show(text: str, limit: int, sent: list[str]) -> None:
    assert wholes(split_message(text, limit)) == sent


def test_where_marks_would_take_most_of_the_room_the_words_go_on_without_them() -> None:
    assert wholes(split_message("**__~~||*_one two three four five six_*||~~__**", 20)) == [
        "**__~~||*_one two",
        "three four five",
        "six_*||~~__**",
    ]


def test_a_platform_of_plain_text_gets_no_marks() -> None:
    assert split_message("**bold text that goes on** and", 20, marks=False) == (
        MessagePart("**bold text that "),
        MessagePart("goes on** and"),
    )


@settings(deadline=None)
@given(HOSTILE, st.integers(20, 40))
def test_no_mark_is_cut_in_two(text: str, limit: int) -> None:
    assume(not re.search(r"([*_`~|\\])\1{9}", text))  # no run that is longer than half a part
    parts = split_message(text, limit)
    for one, other in pairwise(parts):
        assert one.text[-1] != other.text[0] or one.text[-1] not in "*_`~|"


# What Discord shows, written apart from the splitter: at each place the longest rule that fits.
RULES = {
    mark: re.compile(rule, re.DOTALL | re.ASCII)
    for mark, rule in {
        "```": r"```(?:[\w+.#-]+\n)?(.*?)```",
        "`": r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)",
        "*": r"\*(?=\S)((?:\\.|\*\*|[^\\*])+?)(?<=\S)\*(?!\*)",
        "**": r"\*\*(?=\S)((?:\\.|[^\\])+?)(?<=\S)\*\*(?!\*)",
        "_": r"(?<!\w)_(?=\S)((?:\\.|__|[^\\_])+?)(?<=\S)_(?!\w)",
        "__": r"__(?=\S)((?:\\.|[^\\])+?)(?<=\S)__(?!_)",
        "~~": r"~~(?=\S)(.+?)(?<=\S)~~",
        "||": r"\|\|(.+?)\|\|",
    }.items()
}


def shown(text: str, formats: Formats = frozenset()) -> Iterator[tuple[str, Formats]]:
    """Every visible character with its formatting."""
    at = 0
    while at < len(text):
        found = {mark: match for mark, rule in RULES.items() if (match := rule.match(text, at))}
        if found:
            mark = max(found, key=lambda mark: found[mark].end())
            inside = found[mark].groups()[-1]
            within = formats | {mark}
            yield from (
                ((c, within) for c in inside if not c.isspace()) if "`" in mark else shown(inside, within)
            )
            at = found[mark].end()
        else:
            if not text[at].isspace():
                yield text[at], formats
            at += 1


WORDS = st.lists(
    st.sampled_from(["one", "two.", "three\n", "fo-ur", "five\n\n", "小满。", "x"]), min_size=1, max_size=8
)


@st.composite
def formatted(draw: st.DrawFn, formats: Formats = frozenset()) -> tuple[str, list[tuple[str, Formats]]]:
    """A text made of words and of texts within marks, and what is to be seen of it."""
    pieces, seen = list[str](), list[tuple[str, Formats]]()
    for mark in draw(st.lists(st.sampled_from(["", *RULES]), min_size=1, max_size=4)):
        if mark and mark not in formats and "`" not in "".join(formats):
            inside, characters = draw(formatted(formats | {mark}))
            lines = "```py\n" + inside + "\n```" if mark == "```" else mark + inside.strip() + mark
            pieces.append(lines)
            seen += characters
        else:
            words = " ".join(draw(WORDS)).strip()
            pieces.append(words)
            seen += [(c, formats) for c in words if not c.isspace()]
    return " ".join(pieces), seen


@settings(deadline=None, max_examples=100)
@given(formatted(), st.integers(60, 120))
def test_every_character_keeps_its_formatting(
    case: tuple[str, list[tuple[str, Formats]]], limit: int
) -> None:
    text, seen = case
    assert list(shown(text)) == seen
    assert [
        character for part in split_message(text, limit) for character in shown(part.text_to_send)
    ] == seen
