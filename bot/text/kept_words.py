"""The own words of a text that is read, in pieces, and the borders between them where it may have ended."""

from itertools import pairwise
from typing import Literal

# "doubt": a line that may be another's; "likely": one that is, unless the next line has its form; "rule": one
# that ends the text so far
Border = Literal["doubt", "likely", "rule"]


class KeptWords:
    """Pieces of a text; `borders` are the numbers of pieces before each border."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.borders: dict[Border, int] = {}

    def has_words(self, before: int | None = None) -> bool:
        """Return whether any of the first pieces, or of all, is more than blanks."""
        return any(map(str.strip, self.pieces[:before]))

    def cut(self, border: Border) -> bool:
        """Drop what stands behind a border; return False where there is none."""
        end = self.borders.get(border)
        if end is None:
            return False
        del self.pieces[end:]
        self.borders = {each: at for each, at in self.borders.items() if at < end}
        return True

    def cut_rule(self) -> None:
        """Drop a rule at the end, with what stands behind it."""
        self.pieces = self.pieces[: self.borders.pop("rule", None)]

    def join(self) -> list[str]:
        """Join what no border parts; return the text up to the first border, and the pieces behind it."""
        if not self.borders:
            self.pieces = ["".join(self.pieces)]
            return [*self.pieces]
        borders = sorted({*self.borders.values()})
        cuts = (0, *borders, len(self.pieces))
        self.pieces = ["".join(self.pieces[start:end]) for start, end in pairwise(cuts)]
        self.borders = {name: borders.index(at) + 1 for name, at in self.borders.items()}
        return [*self.pieces]
