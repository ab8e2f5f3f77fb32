"""Documents name files that exist, and README stays short."""

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "tests/README.md"])
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
