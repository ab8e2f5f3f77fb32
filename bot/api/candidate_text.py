"""The text of one candidate as a client reads it: of a persona under its card, its own words alone."""

from typing import Protocol

from bot.chat.text_steps import open_own_words
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt
from bot.text.own_words import OwnWords

_PARTS = 1_000  # of a text; it is read on by one at least, since each reading goes over its last line


class CandidateText(Protocol):
    """Reads a candidate's text as it grows. `ended`: nothing more of it will be read."""

    @property
    def ended(self) -> bool: ...
    @property
    def has_other_lines(self) -> bool:
        """True where lines of another speaker were left out before the first own word."""

    def feed(self, text: str) -> str:
        """Return the part of the text that is certain with these further characters."""

    def finish(self) -> str:
        """Return the rest, once the text is whole."""


class RawText:
    """The text as it is."""

    ended = has_other_lines = False

    def feed(self, text: str) -> str:
        return text

    def finish(self) -> str:
        return ""


class OwnText:
    """The words of a persona: it never speaks for others, and its own label is left out.

    `begun` is the beginning of the answer that the client has already.
    """

    def __init__(self, own_words: OwnWords, begun: str = "") -> None:
        self._own_words, self._begun = own_words, begun.strip()
        self._text, self._sent = begun, len(begun.lstrip()) if begun.strip() else 0
        self._waiting, self._waiting_length = list[str](), 0  # pieces that were not read yet

    @property
    def ended(self) -> bool:
        return self._own_words.ended

    @property
    def has_other_lines(self) -> bool:
        return self._own_words.dropped

    def feed(self, text: str) -> str:
        self._waiting.append(text)
        self._waiting_length += len(text)
        if self._waiting_length * _PARTS < len(self._text):
            return ""
        return self._read(whole=False)

    def finish(self) -> str:
        return self._read(whole=True)

    def _read(self, *, whole: bool) -> str:
        self._text += "".join(self._waiting)
        self._waiting, self._waiting_length = [], 0
        return self._new(self._own_words.read(self._text, whole=whole))

    def _new(self, shown: str) -> str:
        """Return the characters that were not sent yet."""
        new = shown[self._sent :] if shown.startswith(self._begun) else ""
        self._sent += len(new)
        return new


def open_text(persona: Persona, prompt: Prompt, begun: str) -> CandidateText:
    """Return the reader of a candidate under a persona's card.

    Where not all of the beginning that a client wrote is the persona's own, the text is read as it is.
    """

    def opened() -> OwnWords:
        return open_own_words(persona, prompt.speakers, prompt.lines, prompt.recent)

    if begun and opened().read(begun, whole=True) != begun.strip():
        return RawText()
    return OwnText(opened(), begun)
