"""Runs of signs that open and close formats, paired in linear time with CommonMark's delimiter stack.

Unlike CommonMark, `__` underlines, as on Discord; signs that people write for themselves stay signs: 2*3*4,
x**2, -_-; and a mark beside words of a script without spaces needs no blank. Stars close behind punctuation
before a letter, as on Discord: "**Q:**what".
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.text.formatted_text import SpanKind

KINDS: dict[str, SpanKind] = {
    "*": "italic",
    "**": "bold",
    "_": "italic",
    "__": "underline",
    "~~": "strikethrough",
    "||": "spoiler",
}
_DIGITS = "0123456789"
_FIRST_CJK = "\u2e80"
_WITHOUT_SPACES = (
    re.compile(  # Thai and Lao, Tibetan, Burmese, Khmer, Tai Le to Khmer signs, Tai Tham, Javanese
        "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\ua980-\ua9ff\uaa60-\uaadf]"
    )
)
_MAY_STAND_BEFORE = frozenset("*~|([{\"'“‘«„—")  # a "_" that opens before punctuation: "-_-" has none
_MAY_STAND_BEHIND = frozenset("*~|)]}\"'”’»“—.,!?;:…")
_BEHIND_PADDED = frozenset("\n.,!?;:…)]}\"'”’»")
_ENDS_PHRASE = frozenset(")]}\"'”’»“—.,!?;:…~-%")


@dataclass(slots=True)
class Delimiter:
    """A run of one sign in a list of pieces. `left` counts the signs that no format has used yet.

    Of two stars within words at most one is a mark: "*un*likely", and not "x*y*z".
    """

    piece: int
    sign: str
    length: int
    can_open: bool
    can_close: bool
    left: int
    is_inner: bool = False

    def takes(self, other: "Delimiter") -> int:
        """Return how many signs this closing run and an opening one give to a format, 0 to 2."""
        if self.sign in "~|":
            return 2 if self.left == other.left == 2 else 0
        if self.is_inner and other.is_inner:
            return 0
        both = (self.can_open and self.can_close) or (other.can_open and other.can_close)
        if both and (self.length + other.length) % 3 == 0 and (self.length % 3 or other.length % 3):
            return 0
        return 2 if self.left >= 2 and other.left >= 2 else 1


@dataclass(frozen=True, slots=True)
class Pair:
    """A format between two runs: behind the piece `opening`, before the piece `closing`."""

    kind: SpanKind
    opening: int
    closing: int


def make_delimiter(piece: int, run: str, before: str, after: str) -> Delimiter:
    """Return the delimiter of a run between two characters, each "" at an end of the text."""
    can_open = _flanks(before, after)
    can_close = _flanks(after, before) or (run[0] == "*" and _ends_phrase(before, after))
    if run[0] == "|":  # on Discord a spoiler may have blanks inside its marks; "a || b || c" is no spoiler
        can_open = can_open or (after == " " and not before.strip())
        can_close = can_close or (before == " " and (not after or after in _BEHIND_PADDED))
    if run[0] == "_":
        can_open = can_open and not _is_word(before) and _is_apart(before, after, _MAY_STAND_BEFORE)
        can_close = can_close and not _is_word(after) and _is_apart(after, before, _MAY_STAND_BEHIND)
    is_inner = run[0] == "*" and _is_plain_word(before) and _is_plain_word(after)
    if (is_inner and (before + after).strip(_DIGITS) != before + after) or (run[0] in "~|" and len(run) != 2):
        can_open = can_close = False
    is_inner = is_inner or _ends_phrase(before, after)
    return Delimiter(piece, run[0], len(run), can_open, can_close, len(run), is_inner and run == "*")


def _flanks(outside: str, inside: str) -> bool:
    """Return whether a run stands at the border of words: CommonMark's flanking, for both directions."""
    if not inside or inside.isspace():
        return False
    if not _is_punctuation(inside) or _is_without_spaces(inside):
        return True
    return not outside or outside.isspace() or _is_punctuation(outside) or _is_without_spaces(outside)


def _ends_phrase(inside: str, outside: str) -> bool:
    """Return whether a star behind punctuation ends words, with a letter behind it: "*sighs.*Well"."""
    return inside in _ENDS_PHRASE and outside.isalpha()


def _is_without_spaces(character: str) -> bool:
    return character >= _FIRST_CJK or _WITHOUT_SPACES.match(character) is not None


def _is_apart(outside: str, inside: str, signs: frozenset[str]) -> bool:
    """Return whether a "_" beside punctuation is more than a part of a face: "^_^", "-_-"."""
    return not _is_punctuation(inside) or not outside or outside.isspace() or outside in signs


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _is_word(character: str) -> bool:
    return character.isalnum()


def _is_plain_word(character: str) -> bool:
    return character.isalnum() and character.isascii()


def pair_delimiters(delimiters: Iterable[Delimiter]) -> tuple[list[Pair], list[Delimiter]]:
    """Return the formats of runs in order, inner ones first, and the runs left open, outermost first."""
    pairing = _Pairing()
    for delimiter in delimiters:
        pairing.pairs += pairing.close(delimiter)
        if delimiter.can_open and delimiter.left:
            pairing.open.append(delimiter)
    return pairing.pairs, pairing.open


class _Pairing:
    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.open: list[Delimiter] = []
        self._searched: dict[tuple[str, bool, bool, int], int] = {}  # nothing below this of `open` fits

    def close(self, closer: Delimiter) -> Iterator[Pair]:
        key = (closer.sign, closer.can_open, closer.is_inner, closer.length % 3)
        while closer.can_close and closer.left:
            found = self._find(closer, self._searched.get(key, 0))
            if found is None:
                self._searched[key] = len(self.open)
                return
            opener = self.open[found]
            used = closer.takes(opener)
            opener.left -= used
            closer.left -= used
            yield Pair(KINDS[closer.sign * used], opener.piece, closer.piece)
            self._cut(found + 1 if opener.left else found)

    def _find(self, closer: Delimiter, lowest: int) -> int | None:
        for number in range(len(self.open) - 1, lowest - 1, -1):
            if self.open[number].sign == closer.sign and closer.takes(self.open[number]):
                return number
        return None

    def _cut(self, length: int) -> None:
        """Forget the open runs from `length` on: those within a format are signs."""
        del self.open[length:]
        for key, searched in self._searched.items():
            self._searched[key] = min(searched, length)


def close_open(delimiters: Iterable[Delimiter], closing: int) -> Iterator[Pair]:
    """Yield the formats of open runs as if each were closed before the piece `closing`."""
    for delimiter in delimiters:
        while delimiter.left:
            used = min(2, delimiter.left)
            delimiter.left -= used
            yield Pair(KINDS[delimiter.sign * used], delimiter.piece, closing)
