"""Characters that show nothing count as nothing."""

import unicodedata

import pytest

from bot.text.visibility import is_visible


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n\t", "\u00a0\u3000", "\u200b\u200c\u200d\u200e\u2060\ufeff", "\u00ad", "\u034f", "\u061c"),
        *(
            "\u115f\u1160\u3164\uffa0",
            "\u2800",
            "\ufffc",
            "\ufe0f",
            "\U000e0101",
            "\U000e0041",
            "\u202e",
            "\x00",
        ),
    ],
)
def test_a_text_of_such_characters_is_not_visible(text: str) -> None:
    assert not is_visible(text)
    assert is_visible(f"{text}a{text}")


@pytest.mark.parametrize("text", ["a", ".", "_", "😀", "漢", "\u0301", "\ue000", "\ufffd", "**", "¯"])
def test_a_character_with_a_glyph_is_visible(text: str) -> None:
    assert is_visible(text)


def test_a_character_newer_than_this_python_is_visible() -> None:
    newer = next(chr(code) for code in range(0x1FA00, 0x1FB00) if unicodedata.category(chr(code)) == "Cn")
    assert is_visible(newer)
