"""A text without full-width forms, other scripts' digits and hidden characters, with original offsets."""

import re
import unicodedata
from dataclasses import dataclass

_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff"
)
_MARK = "\u0300-\u034e\u0350-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a"
_WIDE = "\uff0b\uff0d-\uff19\uff1d\uff20-\uff3a\uff3c\uff3f\uff41-\uff5a\uff65-\uff9f"
_DIGIT = "\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59"
_LIKE = (
    "\u00aa\u00b2\u00b3\u00b9\u00ba\u2070-\u209c\u2460-\u249b\u24b6-\u24e9\ufb00-\ufb06\U0001d400-"
    "\U0001d7ff\U0001f130-\U0001f149"
)
_JAMO = "\u1100-\u115e\u1161-\u11ff"
_ODD = re.compile(
    f"[^{_MARK}][{_MARK}]{{1,8}}|[{_JAMO}]{{2,3}}|[{_HIDDEN}{_WIDE}{_DIGIT}{_LIKE}]"
    f"|[\u2f00-\u2fd5\uf900-\ufaff]"
)
# letters of Cyrillic and Greek that look like Latin ones, and those
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁԛԝһАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧοѵρν", "aeopcyxijsdqwhABEKMHOPCTYXIJSABEZHIKMNOPTYXovpv"
)
_MIXED = re.compile(
    r"(?<!\S)(?=[^\sA-Za-z]{0,64}[A-Za-z])(?=[^\s\u0370-\u052f]{0,64}[\u0370-\u052f])\S{1,128}"
)
_MARKS = 30
_UNSEEN = re.compile(f"[{_HIDDEN}]")


@dataclass(frozen=True, slots=True)
class NormalisedText:
    """The text to search; `starts` and `ends` are each character's original offsets, None if unchanged."""

    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the original of characters `start` to before `end`."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def normalise_text(text: str) -> NormalisedText:
    """Apply NFKC to letters and digits only, turn every digit into ASCII, drop hidden characters.

    In words of Latin and other letters, those that look like Latin ones become such.

    Punctuation stays as it is: a full-width comma ends an address that an ASCII one could be part of.
    """
    if text.isascii():
        return NormalisedText(text)
    text = _MIXED.sub(lambda word: word[0].translate(_LOOKALIKES), text)
    if not _ODD.search(text):
        return NormalisedText(text)
    parts, starts, ends, last = list[str](), list[int](), list[int](), 0
    for odd in _ODD.finditer(text):
        start, end = odd.span()
        plain = _plain(odd[0])
        parts += (text[last:start], plain)
        starts += (*range(last, start), *(start for _ in plain))
        ends += (*range(last + 1, start + 1), *(end for _ in plain))
        last = end
    parts.append(text[last:])
    starts += range(last, len(text))
    ends += range(last + 1, len(text) + 1)
    return NormalisedText("".join(parts), starts, ends)


def _plain(odd: str) -> str:
    shown = unicodedata.normalize("NFKC", _UNSEEN.sub("", odd))
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in shown)


def limit_marks(text: str) -> str:
    """Return a text with at most 30 combining marks in a row (Stream-Safe Text Format, UAX 15).

    Normalisation sorts a run of marks in quadratic time.
    """
    if text.isascii() or len(text) <= _MARKS:
        return text
    kept, run = list[str](), 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run <= _MARKS:
            kept.append(character)
    return "".join(kept)


def match_key(word: str) -> str:
    """Return a word's key for comparison: lower case without accents, equal for "Jose" and "JOSÉ"."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", limit_marks(word.casefold()))
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))
