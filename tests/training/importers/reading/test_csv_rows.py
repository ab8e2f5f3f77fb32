"""Rows of a table cost what they hold."""

from collections.abc import Iterator
from typing import Any

from training.importers.reading.csv_rows import _padded


class Columns(list[str]):
    """Counts the names that are read."""

    read = 0

    def __iter__(self) -> Iterator[str]:
        self.read += len(self)
        return super().__iter__()

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self.read += len(found)
        return found


def test_a_short_row_does_not_read_the_names_of_all_columns() -> None:
    columns = Columns(["a"] * 1000)
    assert (_padded(columns, 2), columns.read) == (["a", "a"], 2)


def test_cells_beyond_the_names_have_none() -> None:
    assert _padded(["a"], 3) == ["a", "", ""]
