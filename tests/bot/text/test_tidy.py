"""Generated text without the label of its speaker: nothing lost, nothing torn, nothing taken back."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.tidy import tidy


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
        ("Mara: Mara: Hello.", "Mara", "Hello."),
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
