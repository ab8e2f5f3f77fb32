r"""Line breaks written as a backslash and an n: read in prose, kept in code."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.importers.reading.data_sets.written_breaks import read_written_breaks

PROSE = {
    "说明灯塔。\\n\n": "说明灯塔。\n\n",
    "是不是闰年。\\n\n\\n1900\\n": "是不是闰年。\n\n\n1900\n",
    "one\\nTwo": "one\nTwo",
    "Ready?\\nthen go": "Ready?\nthen go",
    "Done.\\nthen go": "Done.\nthen go",
    "单词\\nabandon": "单词\nabandon",
    "- one\\n- two\\n\\nEnd": "- one\n- two\n\nEnd",
    "\\nsmall": "\nsmall",
    'He said "no".\\nYes': 'He said "no".\nYes',
}
CODE = (
    'print("a\\nb")',
    "`\\n` ends a line",
    "'\\n'.join(x)",
    "```\nprintf('%d\\n')\n```",
    "\\\\n",
    "C:\\new\\notes",
    "the sum \\nabla x",
    "..\\new",
)


@pytest.mark.parametrize(("text", "read"), PROSE.items())
def test_a_written_break_of_prose_is_a_line_break(text: str, read: str) -> None:
    assert read_written_breaks(text) == read


@pytest.mark.parametrize("text", CODE)
def test_code_and_paths_keep_theirs(text: str) -> None:
    assert read_written_breaks(text) == text


@given(st.text("a\\n\"'`。 \n.N", max_size=60))
def test_no_other_character_is_changed(text: str) -> None:
    read = read_written_breaks(text)
    assert re.sub(r"\\n|\n", "", read) == re.sub(r"\\n|\n", "", text)
