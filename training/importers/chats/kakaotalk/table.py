"""KakaoTalk's table from macOS: Date,User,Message, where a notice may have no date and no user."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source

_COLUMNS = ("Date", "User", "Message")


class TableRow(NamedTuple):
    """A row; `time` is None where it has none."""

    time: float | None
    author: str
    text: str


def is_table(head: FileHead) -> bool:
    """Return whether a file is KakaoTalk's table: its first date tells it from others with these columns."""
    if head.columns != _COLUMNS:
        return False
    first = head.text.lstrip("\ufeff\r\n").partition("\n")[2].partition(",")[0].strip('"')
    return not first or _to_time(first) is not None


def read_table_rows(source: Source) -> Iterator[TableRow]:
    """Yield the rows of a table. Raises UserError naming the line of a broken row."""
    for cells in read_rows(source):
        yield TableRow(_to_time(cells.get("Date", "")), cells.get("User", ""), cells.get("Message", ""))


def _to_time(cell: str) -> float | None:
    if len(cell) != 19:
        return None
    try:
        return datetime.strptime(cell, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
