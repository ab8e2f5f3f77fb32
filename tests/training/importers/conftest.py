"""Fixtures for tests of the command `import`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import ROOT


@pytest.fixture
def persona(tmp_path: Path) -> PersonaFolder:
    return PersonaFolder(tmp_path)


@pytest.fixture
def start_import(persona: PersonaFolder) -> Iterator[Callable[..., "pexpect.spawn[str]"]]:
    started = []

    def start(*paths: object) -> "pexpect.spawn[str]":
        child = pexpect.spawn(
            sys.executable,
            ["-m", "training", *persona.arguments(*paths)],
            cwd=str(ROOT),
            encoding="utf-8",
            timeout=30,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)
