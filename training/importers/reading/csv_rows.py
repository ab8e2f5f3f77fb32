"""CSV tables as dictionaries, one row at a time; a quoted cell may hold line ends (RFC 4180)."""

import csv
from collections.abc import Iterable, Iterator

from bot.errors import UserError
from training.importers.reading.source import Source

_CELL_LIMIT = 4 << 20  # characters


def read_rows(source: Source) -> Iterator[dict[str, str]]:
    """Yield each row as {column: cell}. A cell without a column name gets its index as name.

    Raises UserError naming the line of a broken row.
    """
    return parse_rows(source, source.lines())


def parse_rows(source: Source, lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of a file whose lines were mended; like `read_rows`."""
    table = _cells(source, lines)
    columns = [name.strip() for name in next(filter(None, table), [])]
    for cells in table:
        if cells:
            yield {
                name or str(index): cell
                for index, (name, cell) in enumerate(zip(_padded(columns, len(cells)), cells, strict=True))
            }


def _padded(columns: list[str], count: int) -> list[str]:
    """Exactly `count` names: the rest is cut, missing ones are empty."""
    return columns[:count] + [""] * (count - len(columns))


def _cells(source: Source, lines: Iterable[str]) -> Iterator[list[str]]:
    csv.field_size_limit(_CELL_LIMIT)
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    try:
        yield from reader
    except csv.Error as error:
        where = f"{source}, line {reader.line_num}"
        raise UserError(f"{where}, is not a row of a table ({error}): export it again.") from None
