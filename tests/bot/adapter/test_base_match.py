"""The comparison of base models: names of strangers in messages."""

import pytest

from bot.adapter.base_match import tidy_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"),
        ("a\x1b[2J\nb", "a 2J b"),
        ("", "(not named)"),
        (7, "(not named)"),
        ("/home/" + "deep/" * 40 + "model", "..." + "deep/" * 19 + "model"),  # its end tells models apart
    ],
)
def test_a_name_is_shown_in_one_short_line(name: object, shown: str) -> None:
    assert tidy_name(name) == shown  # type: ignore[arg-type]
