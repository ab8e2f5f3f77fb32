"""Long answers in parts: nothing lost, nothing torn, nothing blank, formatting carried over."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.text.splitting import MessagePart, split_burst, split_message, utf16_length

Formats = frozenset[str]


def texts(parts: tuple[MessagePart, ...]) -> list[str]:
    return [part.text for part in parts]


def wholes(parts: tuple[MessagePart, ...]) -> list[str]:
    return [part.text_to_send for part in parts]


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("short", None, ["short"]),
        ("short", 5, ["short"]),
        ("ab cd. ef\ngh\n\nij kl", 18, ["ab cd. ef\ngh\n\n", "ij kl"]),
        ("ab cd. ef\ngh ij kl mn", 17, ["ab cd. ef\n", "gh ij kl mn"]),
        ("ab cd ef. gh ij kl mn", 17, ["ab cd ef. ", "gh ij kl mn"]),
        ("ab cd ef gh ij kl mn", 17, ["ab cd ef gh ij ", "kl mn"]),
        ("\n\nab cd ef gh ij kl", 12, ["\n\nab cd ef ", "gh ij kl"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
        ("白天找书。夜里书找人，我喜欢。", 8, ["白天找书。", "夜里书找人，我喜", "欢。"]),
        ("他说：“好。”然后走了。", 8, ["他说：“好。”", "然后走了。"]),
        ("He said “no.” Then he left us.", 20, ["He said “no.” ", "Then he left us."]),
        ("Is 3.14 enough for it", 12, ["Is 3.14 ", "enough for ", "it"]),
        ("e\u0301" * 4, 3, ["e\u0301", "e\u0301", "e\u0301", "e\u0301"]),
        ("🇩🇪🇫🇷🇮🇹", 3, ["🇩🇪", "🇫🇷", "🇮🇹"]),
        ("a👩‍👩‍👧b", 5, ["a", "👩‍👩‍👧", "b"]),
        ("a👍🏽", 2, ["a", "👍🏽"]),
        ("abc\r\ndef", 4, ["abc\r\n", "def"]),
        ("e" + "\u0301" * 5, 3, ["e\u0301\u0301", "\u0301\u0301\u0301"]),
    ],
)
def test_a_text_is_cut_at_the_best_seam_of_the_latter_half(
    text: str, limit: int | None, parts: list[str]
) -> None:
    assert texts(split_message(text, limit)) == parts


def test_a_platforms_own_units_count() -> None:
    assert texts(split_message("😀😀😀", 4, utf16_length)) == ["😀😀", "😀"]


def test_a_character_longer_than_the_limit_is_sent_whole() -> None:
    assert texts(split_message("😀", 1, utf16_length)) == ["😀"]
    assert texts(split_message("😀😀", 1, utf16_length)) == ["😀", "😀"]


def test_the_flag_of_a_region_is_not_torn() -> None:
    scotland = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert texts(split_message(scotland * 2, 10)) == [scotland, scotland]


@pytest.mark.parametrize("text", ["", " ", "\n" * 5000])
def test_a_blank_text_has_no_parts(text: str) -> None:
    assert split_message(text, 20) == ()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a" + "\n" * 5000 + "b", ["a", "b"]),
        ("\n" * 5000 + "a", ["a"]),
        ("a" + "\n" * 5000, ["a"]),
        ("a\n" + "\n" * 12 + "b" * 12, ["a", "b" * 12]),
        ("**a" + "\n" * 5000 + "b**", ["**a**", "**b**"]),
        ("```\na" + "\n" * 5000 + "b\n```", ["```\na\n```", "```\nb\n```"]),
    ],
    ids=range(6),
)
def test_endless_blanks_stay_with_a_part_and_are_not_sent(text: str, sent: list[str]) -> None:
    parts = split_message(text, 20)
    assert ("".join(texts(parts)), wholes(parts)) == (text, sent)


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


TEXTS = st.text(
    st.sampled_from("ab .\n。\r😀e\u0301\u200d👩🏽🇩*_`~|\\") | st.characters(codec="utf-8"),
    min_size=1,
    max_size=80,
)
SIGNS = "** __ ~~ || * _ ` `` ``` *** \\ \\* - a bb ccc. dddddddd 😀 🇩 e\u0301 👩\u200d".split()
HOSTILE = st.lists(
    st.sampled_from([*SIGNS, " ", "\n", "\n\n", " " * 15, "```py\n"]), min_size=1, max_size=60
).map("".join)


@settings(deadline=None)
@given(TEXTS | HOSTILE, st.integers(2, 40), st.sampled_from([len, utf16_length]), st.booleans())
def test_no_character_is_lost_no_part_is_blank_and_none_too_long(
    text: str, limit: int, measure: Callable[[str], int], marks: bool
) -> None:
    assume(text.strip())
    parts = split_message(text, limit, measure, marks=marks)
    assert "".join(texts(parts)) == text
    assert all(part.text.strip() and part.text_to_send.strip() for part in parts)
    assert all(measure(part.text_to_send) <= limit for part in parts)


@settings(deadline=None)
@given(HOSTILE, st.integers(20, 40))
def test_no_mark_is_cut_in_two(text: str, limit: int) -> None:
    assume(not re.search(r"([*_`~|\\])\1{9}", text))  # no run that is longer than half a part
    parts = split_message(text, limit)
    for one, other in pairwise(parts):
        assert one.text[-1] != other.text[0] or one.text[-1] not in "*_`~|"


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", " ", "😀", "e\u0301", "👍🏽", "👩‍👩‍👧", "🇩🇪", "\r\n", "ก็"]),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_no_visible_character_is_torn(glyphs: list[str], marks: bool) -> None:
    ends = {len("".join(glyphs[:number])) for number in range(len(glyphs) + 1)}
    parts = texts(split_message("".join(glyphs), 16, utf16_length, marks=marks))
    assert {len("".join(parts[:number])) for number in range(len(parts) + 1)} <= ends


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


@pytest.mark.parametrize("measured", ["word **bold** `x` ", "*", "a\n\n", "🇩", "\u0301", "\\", "** a"])
def test_the_work_grows_no_faster_than_the_text(measured: str) -> None:
    def work(size: int) -> int:
        counted = 0

        def measure(text: str) -> int:
            nonlocal counted
            counted += len(text)
            return len(text)

        split_message((measured * size)[:size], 100, measure)
        return counted

    assert work(20_000) < 2.2 * work(10_000)


@given(st.text(st.characters()))
def test_telegrams_units_are_those_of_utf_16(text: str) -> None:
    assert utf16_length(text) == sum(2 if ord(character) > 0xFFFF else 1 for character in text)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("Aye.", ["Aye."]),
        ("Aye.\nWet.\n\nCoat?", ["Aye.", "Wet.", "Coat?"]),
        ("\n Aye. \n \n", [" Aye. "]),
        ("Look:\n```py\na\n\nb\n```\nSee?", ["Look:", "```py\na\n\nb\n```", "See?"]),
        ("Look:\n```\na\nb", ["Look:", "```\na\nb"]),
        ("1\n2\n3\n4\n5\n6\n7", ["1", "2", "3", "4", "5\n6\n7"]),
        ("", []),
    ],
)
def test_a_burst_is_a_message_a_line(text: str, messages: list[str]) -> None:
    assert split_burst(text) == messages


@given(st.text(alphabet="a `\n"))
def test_a_burst_loses_nothing_that_can_be_seen(text: str) -> None:
    said = split_burst(text)
    assert len(said) <= 5
    assert "".join("".join(said).split()) == "".join(text.split())
    assert all(one.strip() for one in said)
