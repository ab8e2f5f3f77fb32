"""Docstrings begin with their subject or verb, and log events are names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

FILES = sorted([*(ROOT / "bot").rglob("*.py"), *(ROOT / "training").rglob("*.py")])
QUESTIONS = {"what", "who", "whom", "whose", "where", "whether", "how", "which", "when", "why"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT = re.compile(r"[a-z]+(_[a-z]+)*")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def log_events(tree: ast.Module) -> Iterator[ast.expr]:
    """The first argument of every call of a module's logger."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            owner = ast.unparse(node.func.value)
            if owner in ("log", "logger") or owner.startswith("logging."):
                yield node.args[0]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_docstring_begins_with_a_question_word(path: Path) -> None:
    found = [text.splitlines()[0] for text in docstrings(ast.parse(path.read_text())) if text.strip()]
    assert not [line for line in found if re.split(r"\W", line, maxsplit=1)[0].casefold() in QUESTIONS]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_log_event_is_a_name(path: Path) -> None:
    for event in log_events(ast.parse(path.read_text())):
        choices = [event.body, event.orelse] if isinstance(event, ast.IfExp) else [event]
        for choice in choices:
            assert isinstance(choice, ast.Constant), ast.unparse(choice)
            assert EVENT.fullmatch(str(choice.value)), choice.value


def test_no_file_is_longer_than_250_lines() -> None:
    sources = [*FILES, *(ROOT / "bot").rglob("*.[ch]"), *(ROOT / "tests").rglob("*.py")]
    assert not [
        f"{name(path)}: {lines}" for path in sources if (lines := len(path.read_text().splitlines())) > 250
    ]
