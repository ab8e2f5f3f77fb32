"""From the model's words to messages: nothing lost, nothing torn, nothing taken back."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery import split, tidy


def units(text: str) -> int:
    """UTF-16 code units, as Telegram and Discord's editors count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(
    ("text", "name", "tidied"),
    [
        ("Hello.", "Mara", "Hello."),
        (" \n Hello. \n", "Mara", "Hello."),
        ("Mara: Hello.", "Mara", "Hello."),
        ("MARA:Hello.", "Mara", "Hello."),
        ("\nmara:\n\nHello.\n", "Mara", "Hello."),
        ("小满：你好", "小满", "你好"),
        ("STRASSE: hi", "Straße", "hi"),
        ("Straße: hi", "STRASSE", "hi"),
        ("Mara: Mara: Hello.", "Mara", "Mara: Hello."),
        ("Marathon: go", "Mara", "Marathon: go"),
        ("Mara is here.", "Mara", "Mara is here."),
        ("Ann: Mara: hi", "Mara", "Ann: Mara: hi"),
        ("Re: Zero: hi", "Re: Zero", "hi"),
        ("Mara:", "Mara", ""),
        ("", "Mara", ""),
    ],
)
def test_an_answer_loses_its_speakers_name_and_blank_ends(text: str, name: str, tidied: str) -> None:
    assert tidy(text, name) == tidy(text, name, whole=True) == tidied


@pytest.mark.parametrize("text", ["M", "mar", "Mara", "Mara ", "Mara Q", "mara quill"])
def test_what_may_become_the_name_is_held_back_while_it_comes(text: str) -> None:
    assert tidy(text, "Mara Quill") == ""


@pytest.mark.parametrize(("text", "name"), [("Yes", "Yes Man"), ("Mara", "Mara"), ("m", "Mara")])
def test_a_whole_answer_that_begins_like_the_name_is_an_answer(text: str, name: str) -> None:
    assert tidy(text, name, whole=True) == text


NAMES = st.sampled_from(["Mara", "小满", "Straße", "Re: Zero", "İ", "ŉ"]) | st.text(min_size=1, max_size=6)


@settings(deadline=None)
@given(NAMES, st.text(max_size=8), st.sampled_from(["", ":", "：", " :", ": "]), st.text(max_size=8))
def test_what_has_been_shown_only_grows(name: str, before: str, colon: str, after: str) -> None:
    for text in (name + colon + after, name.upper() + colon + after, before + name + colon + after):
        whole = tidy(text, name, whole=True)
        shown = [tidy(text[:end], name) for end in range(len(text) + 1)]
        assert all(later.startswith(earlier) for earlier, later in pairwise(shown))
        assert whole.startswith(shown[-1])


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
        ("abc\r\ndef", 4, ["abc", "\r\nde", "f"]),
        ("e" + "\u0301" * 5, 3, ["e\u0301\u0301", "\u0301\u0301\u0301"]),
    ],
)
def test_a_text_is_cut_at_the_best_seam_of_the_latter_half(
    text: str, limit: int | None, parts: list[str]
) -> None:
    assert list(split(text, limit)) == parts


def test_a_platforms_own_units_count() -> None:
    assert split("😀😀😀", 4, units) == ("😀😀", "😀")


def test_a_character_longer_than_the_limit_is_sent_whole() -> None:
    assert split("😀", 1, units) == ("😀",)
    assert split("😀😀", 1, units) == ("😀", "😀")


TEXTS = st.text(
    st.sampled_from("ab .\n。\r😀e\u0301\u200d👩🏽🇩") | st.characters(codec="utf-8"), min_size=1, max_size=80
)


@settings(deadline=None)
@given(TEXTS, st.integers(2, 30), st.sampled_from([len, units]))
def test_no_character_is_lost_no_part_is_empty_and_none_too_long(
    text: str, limit: int, measure: object
) -> None:
    parts = split(text, limit, measure)  # type: ignore[arg-type]
    assert "".join(parts) == text
    assert all(0 < measure(part) <= limit for part in parts)  # type: ignore[operator]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", " ", "😀", "e\u0301", "👍🏽", "👩‍👩‍👧", "🇩🇪", "\r\n", "ก็"]),
        min_size=1,
        max_size=40,
    )
)
def test_no_visible_character_is_torn(glyphs: list[str]) -> None:
    ends = {len("".join(glyphs[:number])) for number in range(len(glyphs) + 1)}
    parts = split("".join(glyphs), 16, units)
    assert {len("".join(parts[:number])) for number in range(len(parts) + 1)} <= ends
