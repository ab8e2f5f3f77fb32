"""A text that was cut ends at a sentence with its marks closed, or is visibly unfinished.

oobabooga/textgen#6936; agnaistic/agnai#824.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.open_marks import close_marks, without_empty_marks
from bot.text.unfinished import end_unfinished


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("The lamp went out and she", "The lamp went out and she…"),
        ("The lamp went out. She ran and", "The lamp went out."),
        ("The lamp went out!) She ran and", "The lamp went out!)"),
        ("Hi. The lamp went out and she", "Hi. The lamp went out and she…"),
        ("The lamp went out.", "The lamp went out."),
        ("The lamp went out? “Aye.” She", "The lamp went out? “Aye.”"),
        ("灯灭了。她跑", "灯灭了。"),
        ("「灯灭了。」她跑", "「灯灭了。」"),
        ("دخلت البيت؟ ثم", "دخلت البيت؟"),
        ("दीया बुझ गया। वह", "दीया बुझ गया।"),
        ("The lamp of Dr. Quill and", "The lamp of Dr. Quill and…"),
        ("1. the lamp is lit.\n2. the boat.\n3.", "1. the lamp is lit.\n2. the boat."),
        ("- bread\n- wine\n- che", "- bread\n- wine\n…"),
        ("**The lamp went out and she", "**The lamp went out and she**…"),
        ("**The lamp went out. She", "**The lamp went out.**"),
        ("***The lamp went out. She", "***The lamp went out.***"),
        ("||The *lamp went out. She", "||The *lamp went out.*||"),
        ("~~The lamp~~ __went out. She", "~~The lamp~~ __went out.__"),
        ("The `lamp went", "The `lamp went`…"),
        ("The lamp went out, and **", "The lamp went out, and…"),
        ("She said “The lamp went out. I", "She said “The lamp went out.”"),
        ('She said "The lamp went out. I', 'She said "The lamp went out."'),
        ("She laughed (a lamp went out. I", "She laughed (a lamp went out.)"),
        ("```py\nx = 1\ny = 2\nz", "```py\nx = 1\ny = 2\n```\n…"),
        ("Look:\n```py\nx = 1", "Look:\n```py\nx = 1\n```\n…"),
        ("```\nx. y\n```\nThe lamp went out. She", "```\nx. y\n```\nThe lamp went out."),
        ("5 * 3 and snake_case go on and", "5 * 3 and snake_case go on and…"),
        ("", ""),
    ],
)
def test_a_cut_text_ends_at_a_sentence_with_its_marks_closed(text: str, ended: str) -> None:
    assert end_unfinished(text) == ended


SIGNS = st.text('ab .!?*_~|`\n"“”()「」。#-1:', max_size=40)


@given(SIGNS)
def test_half_of_a_cut_text_stays(text: str) -> None:
    marks = 8  # at most that may stand behind its last sentence and hold nothing
    assert len(end_unfinished(text)) >= len(without_empty_marks(text)) // 2 - marks


@given(SIGNS)
def test_closing_marks_changes_only_the_end_of_a_text(text: str) -> None:
    assert text.startswith(without_empty_marks(text))
    assert close_marks(text).startswith(without_empty_marks(text))


@pytest.mark.parametrize(
    "text", ["", "a", "**a** *b* `c` ||d|| ~~e~~", "```\n**\n```", "a (b) “c” :( ok", "5' 10\" tall"]
)
def test_a_text_without_open_marks_stays(text: str) -> None:
    assert close_marks(text) == text
