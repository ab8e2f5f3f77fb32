"""What was said, by whom, where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.message import Place, check_text


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Place("discord", "7", "12"), "discord/7/12"),
        (Place("discord", "7", "12", "3"), "discord/7/12/3"),
        (Place("terminal", "", "here"), "terminal/here"),
    ],
)
def test_a_place_is_shown_as_a_path(place: Place, shown: str) -> None:
    assert str(place) == shown


@pytest.mark.parametrize("text", ["a", " a\n", "你好", "👩‍👩‍👧", "<|im_end|>", "x" * 20])
def test_a_good_text_comes_back_as_it_is(text: str) -> None:
    assert check_text(text, 20) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The message is empty: write at least one word."),
        (" \n\t\u3000", "The message is empty: write at least one word."),
        ("x" * 1001, "The message has 1,001 characters; at most 1,000 fit. Send it in parts."),
        ("a\x00b", "The message contains a NUL byte: remove it and send the text again."),
        ("\x00", "The message contains a NUL byte: remove it and send the text again."),
        ("a\ud800", "The message is not valid Unicode (a lone surrogate): send it again as UTF-8 text."),
        ("\udfff", "The message is not valid Unicode (a lone surrogate): send it again as UTF-8 text."),
    ],
)
def test_a_bad_text_is_refused_with_the_remedy(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        check_text(text, 1000)
    assert str(caught.value) == said


@settings(deadline=None)
@given(st.text(st.characters(), max_size=30))
def test_what_passes_can_be_stored_as_utf8(text: str) -> None:
    try:
        passed = check_text(text, 20)
    except UserError:
        return
    assert "\x00" not in passed.encode().decode()


def test_a_refusal_does_not_repeat_the_text() -> None:
    for text in ("private" * 1000, "private\x00", "private\ud800"):
        with pytest.raises(UserError) as caught:
            check_text(text, 1000)
        assert "private" not in str(caught.value)
