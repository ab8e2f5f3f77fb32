"""Lines of prompts that quote a message. A model that writes one repeats the form of what it read.

Such a quote is left out before the own words, and ends them else. One without its closing bracket is a quote
only where it names somebody of the prompt, or where the text ends in it.
"""

from collections.abc import Iterable

from bot.text.line_labels import Undecided, line_at

REPLY, FORWARD = "[In reply to ", "[Forwarded"
_OPENINGS = (REPLY, f"{FORWARD} from ", f"{FORWARD}: ")


class PromptLines:
    """The lines of a prompt that a model may repeat, and the labels of all who speak there."""

    def __init__(self, lines: Iterable[str], labels: Iterable[str] = ()) -> None:
        self._lines, self._labels = frozenset(line.rstrip() for line in lines), frozenset(labels)

    def have(self, text: str, at: int, *, whole: bool) -> bool:
        """Return whether the line that begins at an index stands in the prompt just so.

        Raises `Undecided` where a text that is not `whole` must grow.
        """
        found = line_at(text, at)
        line = found[0].rstrip()
        if found.end() == len(text) and not whole and any(known.startswith(line) for known in self._lines):
            raise Undecided
        return line in self._lines

    def have_quote(self, line: str) -> bool:
        """Return whether a line quotes somebody of the prompt: "[In reply to Ann: …"."""
        quoted = (line.removeprefix(opening) for opening in _OPENINGS if line.startswith(opening))
        return any(label.partition(":")[0] in self._labels for label in quoted)


class QuoteLines:
    """The quotes of a text, read as it grows."""

    def __init__(self, prompt_lines: PromptLines) -> None:
        self._prompt_lines = prompt_lines
        self._begin: int | None = None  # the index of a quote without an end as yet
        self._refuted: int | None = None  # the index of a line that only begins as a quote does

    @property
    def is_open(self) -> bool:
        """Return whether the last line read belongs to a quote that has no end as yet."""
        return self._begin is not None

    def read(self, text: str, at: int, *, whole: bool) -> tuple[int, bool]:
        """Return the index behind a line of a quote, and whether a quote ends there.

        A quote goes on in lines that begin with a blank. One without an end that names nobody of the prompt
        is none: the index is then its beginning, from where the text is to be read again. Raises `Undecided`
        where a text that is not `whole` must grow.
        """
        if self._begin is None and not self._begins(text, at, whole):
            return at, False
        begin = self._begin = at if self._begin is None else self._begin
        line = line_at(text, at)
        if at > begin and line[0].strip() and line[0][0] != " ":
            return self._leave(text, begin, at)
        if line.end() == len(text) and not whole:
            raise Undecided
        end = quote_end(line[0])
        if end is None:
            return line.end(), False
        self._begin = None
        return at + end, True

    def _begins(self, text: str, at: int, whole: bool) -> bool:
        is_quote = at != self._refuted and begins_quote(text, at)
        if is_quote is None and not whole:
            raise Undecided
        return bool(is_quote)

    def _leave(self, text: str, begin: int, at: int) -> tuple[int, bool]:
        """Return the index from where to read behind the lines of a quote without an end."""
        self._begin, first = None, line_at(text, begin)[0].rstrip()
        if self._prompt_lines.have_quote(first):
            return at, True
        self._refuted = begin
        return begin, False


def begins_quote(text: str, at: int) -> bool | None:
    """Return whether a quote begins at an index; None where the text must grow before that is decided."""
    for opening in _OPENINGS:
        part = text[at : at + len(opening)]
        if part == opening:
            return True
        if len(part) < len(opening) and opening.startswith(part):
            return None
    return False


def quote_end(line: str) -> int | None:
    """Return where the words behind a quote begin in a line of it; None where the quote may go on.

    The quote ends with its line where that ends with a bracket, unless what stands behind the quote's own
    bracket has brackets of its own.
    """
    words = line.rstrip()
    ends = [at for at, sign in enumerate(words, 1) if sign == "]"]
    own = _matching_end(words) or next((at for at in ends if words[at : at + 1].isspace()), None)
    if words.endswith("]") and (own is None or words.count("]", own) > words.count("[", own)):
        own = len(words)
    if own is None:
        return None
    return len(line) if own == len(words) else len(line) - len(line[own:].lstrip())


def _matching_end(words: str) -> int | None:
    """Return the place behind the bracket that closes the first one."""
    depth = 0
    for at, sign in enumerate(words, 1):
        depth += (sign == "[") - (sign == "]")
        if sign == "]" and depth == 0:
            return at
    return None
