"""The usage lines of both programs, and the documents, call a persona by one word: NAME."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app.arguments import argument_parser
from tests.paths import ROOT
from training.__main__ import _parser

_PERSONAS = (
    "persona",
    "other",
    "name",
)  # the options whose value is a persona's name, by their names in code
_NOT_A_PERSONA = ("training push", "training pull")  # their name is a repository's
_TYPED = re.compile(r"(?:--persona|--other|persona show|persona new)[ =]([A-Za-z<{]+)")
DOCUMENTS = [*ROOT.glob("README*.md"), *sorted(ROOT.glob("docs/*.md"))]


def arguments(parser: argparse.ArgumentParser, command: str) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from arguments(inner, f"{command} {name}")
        else:
            yield command, action


ALL = [*arguments(argument_parser(""), "bot"), *arguments(_parser(), "training")]
PERSONAS = [
    pytest.param(action, id=f"{command} {action.dest}")
    for command, action in ALL
    if action.dest in _PERSONAS and not (action.dest == "name" and command in _NOT_A_PERSONA)
]


@pytest.mark.parametrize("action", PERSONAS)
def test_a_persona_is_called_name(action: argparse.Action) -> None:
    assert action.metavar == "NAME"


def test_the_table_has_every_command_about_a_persona() -> None:
    assert len(PERSONAS) >= 14


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_call_a_persona_name(document: Path) -> None:
    assert set(_TYPED.findall(document.read_text())) <= {"NAME", "mara"}
