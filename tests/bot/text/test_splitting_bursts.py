"""The splitter makes each line of a burst a message, and loses nothing that can be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.splitting import split_burst


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("Aye.", ["Aye."]),
        ("Aye.\nWet.\n\nCoat?", ["Aye.", "Wet.", "Coat?"]),
        ("\n Aye. \n \n", [" Aye. "]),
        ("Look:\n```py\na\n\nb\n```\nSee?", ["Look:", "```py\na\n\nb\n```", "See?"]),
        ("Look:\n```\na\nb", ["Look:", "```\na\nb"]),
        ("1\n2\n3\n4\n5\n6\n7", ["1", "2", "3", "4", "5\n6\n7"]),
        (
            "Look:\n| a | b |\n|---|---|\n| 1 | 2 |\nSee?",
            ["Look:", "| a | b |\n|---|---|\n| 1 | 2 |", "See?"],
        ),
        ("Aye.\n\u200b\n\u3164\nWet.", ["Aye.", "Wet."]),
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
