"""Tables of Markdown as lines of aligned columns, to be shown with letters of one width."""

import re
import unicodedata
from collections.abc import Callable
from itertools import zip_longest
from typing import Literal

from bot.text.blocks import Block, table_cells

Alignment = Literal["left", "right", "center"]
_MAX_COLUMN = 60  # characters; a longer cell is not padded to: a line of blanks would be all that shows
# A table keeps its cells, not aligned, where blanks would take more than so many times its source, and more
# than its share of so many characters of a text.
_MAX_GROWTH, _MAX_BLANKS = 2.5, 3000
_NO_WIDTH = re.compile("[\u200b-\u200f\u2060\ufe00-\ufe0f]")


def format_table(table: Block, plain: Callable[[str], str], whole: int) -> str:
    """Return the rows with aligned columns.

    `plain` gives the text of a cell without its marks; `whole` is the length of the text with the table.
    """
    header, rule, *body = map(table_cells, table.lines)
    rows = [[plain(cell) for cell in row] for row in [header, *body]]
    # a row of more cells than the header has keeps them: its columns are as wide as their cells
    widths = [min(max(map(text_width, column)), _MAX_COLUMN) for column in zip_longest(*rows, fillvalue="")]
    sides = [*map(_alignment, rule), *map(_alignment, [""] * (len(widths) - len(rule)))]
    if sum(widths) * len(rows) > len(table.source) * (_MAX_GROWTH + _MAX_BLANKS / max(whole, 1)):
        widths = [0] * len(widths)
    lines = [_row(row, widths, sides) for row in rows]
    ruled = "-+-".join("-" * (width or 3) for width in widths[: len(rule)])
    return "\n".join([lines[0], ruled, *lines[1:]])


def text_width(text: str) -> int:
    """Return the columns that a text takes in letters of one width: wide characters take two."""
    return sum(map(_width, text)) if not text.isascii() else len(text)


def _width(character: str) -> int:
    if unicodedata.category(character)[0] == "M" or _NO_WIDTH.match(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _alignment(cell: str) -> Alignment:
    if cell.endswith(":"):
        return "center" if cell.startswith(":") else "right"
    return "left"


def _row(cells: list[str], widths: list[int], sides: list[Alignment]) -> str:
    padded = [_padded(cell, width, side) for cell, width, side in zip(cells, widths, sides, strict=False)]
    return " | ".join(padded).rstrip()


def _padded(cell: str, width: int, side: Alignment) -> str:
    room = max(0, width - text_width(cell))
    before = {"right": room, "center": room // 2}.get(side, 0)
    return " " * before + cell + " " * (room - before)
