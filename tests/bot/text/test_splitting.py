"""The splitter cuts a long text at the best seam, loses nothing, and tears no character."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.text.splitting import split_message, utf16_length
from tests.bot.text.split_texts import HOSTILE, texts, wholes


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


TEXTS = st.text(
    st.sampled_from("ab .\n。\r😀e\u0301\u200d👩🏽🇩*_`~|\\") | st.characters(codec="utf-8"),
    min_size=1,
    max_size=80,
)


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
