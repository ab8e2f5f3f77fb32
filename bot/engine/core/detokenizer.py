"""Incremental detokenizer: token ids to text for display, in whole characters and without stop strings."""

import codecs
from collections.abc import Callable

from bot.engine.core.stop_strings import StopStrings


class Detokenizer:
    """The text of one sequence as it grows. `push` and `flush` return text to display, until `stopped`."""

    def __init__(self, decode_bytes: Callable[[int], bytes], stop: tuple[str, ...] = ()) -> None:
        """`decode_bytes` maps a token id to its bytes; `stop` are the request's stop strings."""
        self._decode_bytes = decode_bytes
        self._stop = StopStrings(stop)
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""  # a possible beginning of a stop string
        self._pieces: list[str] = []
        self.stopped = False

    def push(self, token: int) -> str:
        """Add a token; return the characters that are now certain to belong to the answer."""
        if self.stopped:
            return ""
        self._pending += self._utf8.decode(self._decode_bytes(token))
        if (start := self._stop.first_start(self._pending)) is not None:
            self.stopped = True
            self._pending = self._pending[:start]
            return self._release(start)
        return self._release(len(self._pending) - self._stop.possible_length(self._pending))

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
