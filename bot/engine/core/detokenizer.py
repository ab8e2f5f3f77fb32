"""Incremental detokenizer: token ids to text for display, in whole characters and without stop strings."""

import codecs
from collections.abc import Callable


class Detokenizer:
    """The text of one sequence as it grows. `push` and `flush` return text to display, until `stopped`."""

    def __init__(self, decode_bytes: Callable[[int], bytes], stop: tuple[str, ...] = ()) -> None:
        """`decode_bytes` maps a token id to its bytes; `stop` are the request's stop strings."""
        self._decode_bytes = decode_bytes
        self._stop = tuple(filter(None, stop))
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""  # a possible beginning of a stop string
        self._pieces: list[str] = []
        self.stopped = False

    def push(self, token: int) -> str:
        """Add a token; return the characters that are now certain to belong to the answer."""
        if self.stopped:
            return ""
        self._pending += self._utf8.decode(self._decode_bytes(token))
        if (start := first_stop(self._pending, self._stop)) is not None:
            self.stopped = True
            self._pending = self._pending[:start]
            return self._release(start)
        return self._release(len(self._pending) - possible_stop_length(self._pending, self._stop))

    def flush(self) -> str:
        """Return text kept back as a possible stop string; bytes of an incomplete character are dropped."""
        return self._release(len(self._pending))

    @property
    def text(self) -> str:
        """All text returned so far."""
        return "".join(self._pieces)

    def _release(self, length: int) -> str:
        text, self._pending = self._pending[:length], self._pending[length:]
        self._pieces.append(text)
        return text


def first_stop(text: str, stop: tuple[str, ...]) -> int | None:
    """Return the start of the earliest stop string in the text, in characters, or None without any."""
    starts = [start for start in (text.find(word) for word in stop) if start >= 0]
    return min(starts, default=None)


def possible_stop_length(text: str, stop: tuple[str, ...]) -> int:
    """Return the number of last characters that may be the beginning of a stop string."""
    longest = min(max(map(len, stop), default=1) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if any(word.startswith(text[-n:]) for word in stop)), 0)
