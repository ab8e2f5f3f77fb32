"""Stop strings: found in text that grows, at a cost that does not depend on their number."""

from bisect import bisect_left


class StopStrings:
    """The stop strings of a request."""

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._sorted = sorted({*filter(None, stop)})
        self._words = frozenset(self._sorted)
        self._first = frozenset(word[0] for word in self._sorted)
        self._longest = max(map(len, self._sorted), default=0)

    def first_start(self, text: str) -> int | None:
        """Return the start of the earliest stop string in the text, in characters, or None without any."""
        starts = (at for at, sign in enumerate(text) if sign in self._first and self._stands_at(text, at))
        return next(starts, None)

    def possible_length(self, text: str) -> int:
        """Return the number of last characters that may be the beginning of a stop string."""
        earliest = max(0, len(text) - self._longest + 1)
        ends = (len(text) - at for at in range(earliest, len(text)) if self._may_become(text[at:]))
        return next(ends, 0)

    def _stands_at(self, text: str, at: int) -> bool:
        for end in range(at + 1, min(at + self._longest, len(text)) + 1):
            if text[at:end] in self._words:
                return True
            if not self._may_become(text[at:end]):
                return False
        return False

    def _may_become(self, beginning: str) -> bool:
        """Return whether a stop string has this beginning."""
        if beginning[0] not in self._first:
            return False
        at = bisect_left(self._sorted, beginning)
        return at < len(self._sorted) and self._sorted[at].startswith(beginning)
