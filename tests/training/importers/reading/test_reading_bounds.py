"""A line, a value and a cell of an export have a longest length, beyond which the file is refused."""

import io
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bot.errors import UserError
from training.importers.reading import csv_rows, decoding, json_scanner, source
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.source import Source


class Numbered(msgspec.Struct):
    id: int


def of(content: bytes) -> Source:
    return Source("file", "", len(content), lambda: io.BytesIO(content))


LONG = b"x" * 300_000
CASES: dict[str, tuple[Any, str, Callable[[], object], str]] = {
    "a line of text": (source, "_LINE", lambda: list(of(LONG).lines()), "a line of more than 1,000"),
    "a line of JSON": (
        decoding,
        "_LINE_LIMIT",
        lambda: list(decoding.read_json_lines(of(b'{"id": 1, "text": "' + LONG), Numbered)),
        "a line of more than 0 MB",
    ),
    "a value of JSON": (
        json_scanner,
        "VALUE_LIMIT",
        lambda: list(JsonReader(of(b'[{"id": 1, "text": "' + LONG)).elements(Numbered)),
        "a single value of more than 0 MB",
    ),
    "a value that is skipped": (
        json_scanner,
        "VALUE_LIMIT",
        lambda: list(JsonReader(of(b'{"text": "' + LONG)).members()),
        "a single value of more than 0 MB",
    ),
    "a cell of a table": (
        csv_rows,
        "_CELL_LIMIT",
        lambda: list(csv_rows.read_rows(of(b"a,b\n1," + LONG + b"\n"))),
        "field larger than field limit",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_longer_than_the_bound_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, bound, read, reason = CASES[name]
    monkeypatch.setattr(module, bound, 1_000)
    with pytest.raises(UserError, match=f"^file.*{reason}"):
        read()


def test_the_bounds_are_those_that_the_documents_name() -> None:
    lines = (source._LINE, decoding._LINE_LIMIT, csv_rows._CELL_LIMIT)
    assert lines == (16 << 20, 16 << 20, 4 << 20)
    assert (decoding.VALUE_LIMIT, json_scanner.DEPTH) == (64 << 20, 128)
