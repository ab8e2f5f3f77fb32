"""Documents name files, commands, options and settings that exist, and README stays short."""

import re
from collections.abc import Collection
from pathlib import Path

import pytest

from bot.engine.checkpoint.families import SERVED
from bot.foreign_names import answer_foreign_option
from tests.commands import (
    ALL_OPTIONS,
    SECTIONS,
    SETTINGS,
    SLASH_COMMANDS,
    TRAINING,
    wrong_command,
    wrong_option,
    wrong_settings,
)
from tests.pages import code_blocks, code_lines, spans_of, table_rows
from tests.paths import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "tests/README.md"])
ANCESTORS = sorted(ROOT.glob("docs/ancestors*.md"))
_COMMAND = re.compile(r"python -m ((?:bot|training)\b(?!\.)[^|&>]*)")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:bot|training|tests|docs|personas|\.ci|\.github)/[\w./-]*)`")
_TEST = re.compile(
    r"`((?:bot|training|security|end_to_end|libraries|upgrades|windows|benchmarks|faults|complexity)/[\w/]+\.py)`"
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_to_files(document: Path) -> None:
    missing = [link for link in _LINK.findall(document.read_text()) if not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_paths_of_the_repository_exist(document: Path) -> None:
    beside = ROOT / ("tests" if document.stem in ("guarantees", "bounds") else "")
    missing = [path for path in _PATH.findall(document.read_text()) if not (beside / path).exists()]
    assert not [path for path in missing if "NAME" not in path]


@pytest.mark.parametrize(("document", "least"), [("guarantees", 30), ("bounds", 20)])
def test_the_tests_behind_the_promises_exist(document: str, least: int) -> None:
    named = _TEST.findall((ROOT / f"docs/{document}.md").read_text())
    assert len(named) > least
    assert not [path for path in named if not (ROOT / "tests" / path).exists()]


def test_every_bound_names_the_test_that_shows_it() -> None:
    rows = [line for line in (ROOT / "docs/bounds.md").read_text().splitlines() if line.startswith("| ")]
    shown = [row for row in rows if not row.startswith(("| what grows", "| what is counted"))]
    assert len(shown) > 80
    assert not [row for row in shown if not (_TEST.search(row) or "| the same |" in row)]
    assert not [row for row in shown if row.count(" | ") not in (2, 3)]


def test_the_readme_is_read_in_a_minute() -> None:
    assert len((ROOT / "README.md").read_text()) < 5500


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_commands_and_their_options_exist(document: Path) -> None:
    found = [command for line in code_lines(document.read_text()) for command in _COMMAND.findall(line)]
    assert not [wrong for command in found if (wrong := wrong_command(command))]


@pytest.mark.parametrize("document", ANCESTORS, ids=name)
def test_whatever_the_tables_for_ancestors_offer_exists(document: Path) -> None:
    guides = [(ROOT / f"docs/{guide}.md").read_text() for guide in ("training", "personas", "operations")]
    known = {span for guide in guides for span in spans_of(guide)}
    offered = [span for _, ours in table_rows(document.read_text()) for span in spans_of(ours)]
    assert len(offered) > 150
    assert not [span for span in offered if not _is_ours(span, known)]


@pytest.mark.parametrize("document", ANCESTORS, ids=name)
def test_the_families_named_for_ancestors_are_those_served(document: Path) -> None:
    (item,) = (lines for lines in document.read_text().split("\n- ") if "`llama`" in lines)
    assert {*spans_of(item)[2:]} == SERVED - {"gemma3_text"}  # of Gemma 3, which is named once


@pytest.mark.parametrize("document", ANCESTORS, ids=name)
def test_settings_of_the_pages_for_ancestors_are_valid(document: Path) -> None:
    blocks = code_blocks(document.read_text(), "toml")
    assert len(blocks) == 4
    assert not [wrong for block in blocks if (wrong := wrong_settings(block))]


@pytest.mark.parametrize("document", ANCESTORS, ids=name)
def test_options_of_the_ancestors_are_answered_on_the_command_line(document: Path) -> None:
    theirs = [span for row in table_rows(document.read_text()) for span in spans_of(row[0])]
    options = {word for span in theirs for word in span.split() if word.startswith("--")}
    assert len(options) > 40
    assert not [option for option in sorted(options - ALL_OPTIONS) if not answer_foreign_option([option])]


def _is_ours(span: str, known: Collection[str]) -> bool:
    """Return whether a command, option, setting or template is one of ours, or what the guides name."""
    first = span.split()[0]
    if first.startswith("/"):
        return first in SLASH_COMMANDS
    if command := _COMMAND.fullmatch(span):
        return not wrong_command(command[1])
    if first in TRAINING:
        return not wrong_command(f"training {span}")
    if first.startswith("--"):
        return not wrong_option(span)
    if section := re.fullmatch(r"\[(\w+)\](?: (\w+))?", span):
        return section[1] in SECTIONS and (section[2] or "name") in SETTINGS
    if " = " in span:
        return not wrong_settings(span)
    return span in SETTINGS or span in known


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("training train --persona NAME --resume", ""),
        ("training export --format gguf --dtype q4_0 DEST", ""),
        ("training export --format FORMAT DEST", ""),
        ("bot models use NAME", ""),
        ("training learn --persona NAME", "training has no command learn"),
        ("bot persona make NAME", "bot persona has no command make"),
        ("training build --resume", "training build has no option --resume"),
        ("training export --format awq", "--format of training export has no value awq"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str, wrong: str) -> None:
    assert wrong_command(line) == wrong


@pytest.mark.parametrize(
    ("span", "ours"),
    [
        ("--save-every 90", True),
        ("--track wandb", True),
        ("[model] name", True),
        ("rank = 8", True),
        ("top_k", True),
        ("/sampling reset", True),
        ("loss.svg", True),
        ("--save-steps 90", False),
        ("--track mlflow", False),
        ("[model] path", False),
        ("rank = 1000", False),
        ("lora_rank = 8", False),
        ('template = "vicuna"', False),
        ("beam", False),
        ("/beam", False),
        ("loss.png", False),
    ],
)
def test_a_span_that_names_nothing_of_ours_is_noticed(span: str, ours: bool) -> None:
    assert _is_ours(span, {"loss.svg"}) == ours
