"""From token ids to text that may be shown: whole characters only, and never part of a stop string."""

import codecs
from collections.abc import Callable


class Detokenizer:
    """One candidate's text as it grows. `push` and `flush` return what may be shown; then `stopped`."""

    def __init__(self, spell: Callable[[int], bytes], stop: tuple[str, ...] = ()) -> None:
        self._spell = spell
        self._stop = tuple(filter(None, stop))
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._shown: list[str] = []
        self.stopped = False

    def push(self, token: int) -> str:
        """Add one token; returns the characters that are now certain to belong to the answer."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(self._spell(token))
        if (place := first_stop(self._held, self._stop)) is not None:
            self.stopped = True
            self._held = self._held[:place]
            return self._show(place)
        return self._show(len(self._held) - possible_stop_length(self._held, self._stop))

    def flush(self) -> str:
        """What was held back as a possible stop string; bytes that never became a character are left out."""
        return self._show(len(self._held))

    @property
    def text(self) -> str:
        """Everything returned so far."""
        return "".join(self._shown)

    def _show(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._shown.append(text)
        return text


def first_stop(text: str, stop: tuple[str, ...]) -> int | None:
    """Where the first of the stop strings begins, or None."""
    places = [place for place in (text.find(word) for word in stop) if place >= 0]
    return min(places, default=None)


def possible_stop_length(text: str, stop: tuple[str, ...]) -> int:
    """How many of the last characters could be the beginning of a stop string."""
    longest = min(max(map(len, stop), default=1) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if any(word.startswith(text[-n:]) for word in stop)), 0)
