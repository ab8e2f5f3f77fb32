"""Every format with its variants: the whole records that its files in tests/exports give."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.paths import EXPORTS
from tests.training.importers.fixtures import FIXTURES, read_fixture
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.store.messages import to_lines

EXPECTED = EXPORTS / "expected"
ALL = [(title, name) for title, names in FIXTURES.items() for name in names]


def read_records(name: str) -> Iterator[dict[str, Any]]:
    """All messages of an export as records, and the import log as the last record."""
    log = ImportLog()
    for message in read_fixture(name, log):
        yield json.loads(to_lines([message]))
    yield {"skipped": dict(log.skipped), "notes": [note.replace(str(EXPORTS), "") for note in log.notes]}


@pytest.mark.parametrize(("title", "name"), ALL, ids=[name for _, name in ALL])
def test_an_export_gives_exactly_these_messages(title: str, name: str) -> None:
    assert [export.importer.TITLE for export in registry.find_exports(EXPORTS / name)] == [title]
    expected = (EXPECTED / f"{name.replace('/', '.')}.jsonl").read_text(encoding="utf-8")
    assert list(read_records(name)) == [json.loads(line) for line in expected.splitlines()]


def test_no_file_of_the_exports_is_left_untested() -> None:
    covered = [EXPORTS / name for _, name in ALL]
    unread = {"reddit", "expected", "scrub", "version 0.1"}
    for path in EXPORTS.rglob("*.*"):
        if path.is_file() and path.relative_to(EXPORTS).parts[0] not in unread:
            assert any(path == each or path.is_relative_to(each) for each in covered), path
