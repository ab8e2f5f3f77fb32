"""Tables: CSV with quotes and line ends inside of quotes, as dictionaries, one row at a time."""

import csv
from collections.abc import Iterator

from bot.errors import UserError
from training.importers.reading.source import Source

_FIELD = 4 << 20  # characters of one cell


def read_rows(source: Source, again: bool = False) -> Iterator[dict[str, str]]:
    """Each row by its column's name; cells behind the last name are called by their number."""
    table = _cells(source, again)
    names = [name.strip() for name in next(table, [])]
    for cells in table:
        if cells:
            yield {
                name or str(at): cell
                for at, (name, cell) in enumerate(zip(_named(names, cells), cells, strict=True))
            }


def _named(names: list[str], cells: list[str]) -> list[str]:
    """A name for every cell, and none too many."""
    return [*names, *[""] * (len(cells) - len(names))][: len(cells)]


def _cells(source: Source, again: bool) -> Iterator[list[str]]:
    csv.field_size_limit(_FIELD)
    reader = csv.reader((f"{line}\n" for line in source.lines(again)), strict=True)
    try:
        yield from reader
    except csv.Error as error:
        where = f"{source}, line {reader.line_num}"
        raise UserError(f"{where}, is not a row of a table ({error}): export it again.") from None
