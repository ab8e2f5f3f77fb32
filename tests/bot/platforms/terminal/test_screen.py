"""The terminal's screen, and the wrapping of a text that arrives in pieces."""

import io
from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.card import Card
from bot.platforms.terminal.screen import Screen, WordWrap
from tests.conftest import MARA, PLACE


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three four", ["one two ", "three ", "four"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("unbreakable", ["unbreakable"]),
        ("a unbreakable", ["a ", "unbreakable"]),
        ("两杯桂花茶谢谢你", ["两杯桂花", "茶谢谢你"]),
        ("12345678 9", ["12345678", "9"]),
    ],
)
def test_lines_break_between_words(text: str, lines: list[str]) -> None:
    wrap = WordWrap(8)
    assert (wrap.feed(text) + wrap.flush()).split("\n") == lines


@given(st.text(), st.lists(st.integers(0, 20)), st.integers(1, 12))
def test_pieces_give_the_same_lines_as_the_whole_and_lose_only_blanks(
    text: str, cuts: list[int], width: int
) -> None:
    whole, pieces, written, rest = WordWrap(width), WordWrap(width), "", text
    for cut in cuts:
        written += pieces.feed(rest[:cut])
        rest = rest[cut:]
    written += pieces.feed(rest) + pieces.flush()
    assert written == whole.feed(text) + whole.flush()
    assert "".join(written.split()) == "".join(text.split())


@given(st.lists(st.text(st.characters(categories=["Ll", "Lo"]), min_size=1, max_size=4)), st.integers(8, 20))
def test_no_line_is_wider_than_the_terminal(words: list[str], width: int) -> None:
    wrap = WordWrap(width)
    lines = (wrap.feed(" ".join(words)) + wrap.flush()).split("\n")
    assert all(cell_len(line.rstrip()) <= width for line in lines)


def outgoing(text: str, persona: str | None = "mara") -> Outgoing:
    return Outgoing("key", PLACE, 0, text, "queued", 1, None, persona)


async def test_an_answer_grows_under_its_speakers_name_and_a_notice_stands_apart() -> None:
    out = io.StringIO()
    screen = Screen(lambda: "", Console(file=out, width=20))
    for text in ("Aye,", "Aye, storms are", "Aye, storms are company"):
        await screen.show(PLACE, MARA, text)
    await screen.send(outgoing("Aye, storms are company."), MARA)
    await screen.send(outgoing("No memory left.", None), None)
    await screen.send(outgoing("Whole at once."), MARA)
    assert out.getvalue() == dedent("""\
        Mara
        Aye, storms are \n\
        company.

        No memory left.

        Mara
        Whole at once.

        """)


@pytest.mark.parametrize(
    ("shown", "sent", "printed"),
    [
        ("The lamp went out. She ran", "The lamp went out.", "The lamp went out. She ran"),
        ("The lamp went out and she", "The lamp went out and she…", "The lamp went out and she…"),
        ("```\nx = 1\ny =", "```\nx = 1\n```\n…", "```\nx = 1\ny =\n```\n…"),
        ("Another beginning", "Whole.", "Another beginning\n\nMara\nWhole."),
    ],
)
async def test_an_answer_that_was_cut_is_not_printed_twice(shown: str, sent: str, printed: str) -> None:
    out = io.StringIO()
    screen = Screen(lambda: "", Console(file=out, width=40))
    await screen.show(outgoing(shown), MARA, shown)
    await screen.send(outgoing(sent), MARA)
    assert out.getvalue() == f"Mara\n{printed}\n\n"


async def test_what_was_shown_and_then_failed_is_ended_before_the_notice() -> None:
    out = io.StringIO()
    screen = Screen(lambda: "", Console(file=out, width=40))
    await screen.show(Place("a", "b", "c"), MARA, "Half an")
    await screen.send(outgoing("It broke.", None), None)
    assert out.getvalue() == "Mara\nHalf an\n\nIt broke.\n\n"


async def test_a_screen_shows_control_characters_and_obeys_none() -> None:
    out = io.StringIO()
    hostile = "\x1b]52;c;eA==\x07\x1b[2J"
    mara = replace(MARA, card=Card(name=f"Mara{hostile}"))
    screen = Screen(lambda: hostile, Console(file=out, width=60))
    outgoing = Outgoing("1", PLACE, 0, f"Hello {hostile} you", "queued", 0, None, "mara")
    await screen.show(outgoing, mara, f"Hello {hostile}")
    await screen.send(outgoing, mara)
    screen.note(f"note {hostile}")
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()
    assert out.getvalue().count("␛]52;c;eA==␇␛[2J") == 3
