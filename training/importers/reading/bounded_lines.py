"""The lines of one message of a text export, in bounded memory."""

from training.importers.reading.normalise import LONGEST_TEXT

_MOST = 2 * LONGEST_TEXT  # characters: a quoted message stands beside the words


class BoundedLines(list[str]):
    """The lines of a message up to a bound, behind which only the first line that is not empty is kept.

    With that line, a text beyond the bound stays longer than any message may be, and is left out as such.
    """

    def __init__(self, first: str | None = None) -> None:
        super().__init__(() if first is None else (first,))
        self._free, self._is_over = _MOST - sum(map(len, self)), False

    def add(self, line: str) -> None:
        """Add a line, or only take note of it where the bound is reached."""
        if self._free > 0:
            self._free -= len(line) + 1
            self.append(line)
        elif not self._is_over and line.strip():
            self._is_over = True
            self.append(line)
