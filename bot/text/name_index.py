"""Names, found at a place of a text at a cost that does not depend on their number."""

from bisect import bisect_left
from collections.abc import Callable, Iterable


class NameIndex:
    """The names of people, without regard to case."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.casefold(): name for name in reversed([*names]) if name.strip()}
        self._sorted = sorted(self._names)

    def longest_at(self, peek: Callable[[int], str]) -> tuple[str, int] | None:
        """Return the longest name at a place, and its length there in characters; None without any.

        `peek` gives the character at a distance from the place, as far as a name may go on.
        """
        found, prefix, length = None, "", 0
        while self._may_become(prefix):
            prefix += peek(length).casefold()  # one character may fold to several: "ß" to "ss"
            length += 1
            if prefix in self._names:
                found = self._names[prefix], length
        return found

    def _may_become(self, prefix: str) -> bool:
        """Return whether a longer name has this beginning."""
        at = bisect_left(self._sorted, prefix)
        at += at < len(self._sorted) and self._sorted[at] == prefix
        return at < len(self._sorted) and self._sorted[at].startswith(prefix)
