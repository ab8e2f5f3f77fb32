"""Text of strangers, cards and models on a terminal: it is shown, and obeyed nowhere."""

import ast
import io
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.system.console import json_text, printable, write_line
from tests.paths import ROOT

HOSTILE = "\x1b]52;c;cm0gLXJmIH4=\x07\x1b]0;title\x1b\\\x1b[2J\x9b31m\x7f\r\b\u202etxt\u2066"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n小满 👩‍🚀 é\n", "plain\ttext\n小满 👩‍🚀 é\n"),
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;eA==\x07", "␛]52;c;eA==␇"),
        ("a\rb\r\nc", "a␍b\nc"),
        ("\x00\x08\x7f\x9b\x85", "␀␈␡\ufffd\ufffd"),
        ("\u202eabc\u2069", "\ufffdabc\ufffd"),
    ],
)
def test_a_control_character_becomes_a_sign(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters() | st.sampled_from(HOSTILE)))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", printable(text))
    assert printable(printable(text)) == printable(text)


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(HOSTILE)))
def test_json_keeps_every_character_as_an_escape(text: str) -> None:
    shown = json_text({"text": text})
    assert json.loads(shown) == {"text": text}
    assert printable(shown) == shown


def test_only_the_colours_of_the_program_stay() -> None:
    out = io.StringIO()
    write_line("\x1b[32mgreen\x1b[0m \x1b[31mred\x1b[2J", out, colours=("\x1b[32m", "\x1b[0m"))
    assert out.getvalue() == "\x1b[32mgreen\x1b[0m ␛[31mred␛[2J\n"


def test_a_line_goes_to_standard_output_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    write_line("\x1b[2J")
    write_line("x\x07", sys.stderr)
    assert capsys.readouterr() == ("␛[2J\n", "x␇\n")


@pytest.mark.parametrize(
    "path",
    [path for package in ("bot", "training") for path in sorted((ROOT / package).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_module_prints_but_through_the_console(path: Path) -> None:
    if path.relative_to(ROOT) == Path("bot/system/console.py"):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        assert called not in {"print", "sys.stdout.write", "sys.stderr.write"}, f"line {node.lineno}"
        if called.endswith("console.print"):
            shown = ast.unparse(node.args[0])  # type: ignore[attr-defined]
            assert "printable(" in shown or shown == "Text(text)", f"line {node.lineno}"  # type: ignore[attr-defined]
