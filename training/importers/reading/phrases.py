"""phrases.tsv: the lines that messengers write in the place of a person's words, by platform and language."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, cast

from training.importers.reading.record_kinds import RECORD_KINDS, RecordKind

_TABLE = Path(__file__).with_name("phrases.tsv")
_FIRST_SOURCE = "A"  # phrases that version 0.1 knew
_END = ".。।"
_EDGE = 4  # characters of a pattern's beginning or end by which it is found
_ANY = "{}"


class Phrase(NamedTuple):
    """A phrase of a platform; {} stands for other words. `is_first` says that version 0.1 knew it."""

    kind: str
    text: str
    is_first: bool


class _Pattern(NamedTuple):
    """A phrase with other words in it: its folded parts, between which the other words stand."""

    parts: list[str]
    phrase: Phrase


class _Edges:
    """Patterns by the first characters of the texts that they match, or by the last ones.

    `outermost` has the first or last character of each, which most texts of people do not share.
    """

    def __init__(self, at_end: bool = False) -> None:
        self._patterns: dict[str, list[_Pattern]] = {}
        self._at_end, self._sizes, self.outermost = at_end, tuple[int, ...](), set[str]()

    def add(self, edge: str, pattern: _Pattern) -> None:
        self._patterns.setdefault(edge, []).append(pattern)
        self.outermost.add(edge[-1] if self._at_end else edge[0])
        self._sizes = tuple(sorted({len(each) for each in self._patterns}, reverse=True))

    def find(self, text: str) -> Sequence[_Pattern]:
        """Return the patterns that a text may match."""
        found: list[_Pattern] = []
        for size in self._sizes:
            found += self._patterns.get(text[-size:] if self._at_end else text[:size], ())
        return found


class PhraseBook:
    """The phrases of one platform, found in time that does not grow with their number."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._whole: dict[str, Phrase] = {}
        self._heads, self._tails, self._after_name = _Edges(), _Edges(at_end=True), _Edges()
        for phrase in phrases:
            folded = _folded(phrase.text)
            if _ANY in folded:
                self._add_pattern(folded, phrase)
            else:
                self._whole.setdefault(folded, phrase)

    def _add_pattern(self, folded: str, phrase: Phrase) -> None:
        parts = folded.split(_ANY)
        pattern = _Pattern(parts, phrase)
        if parts[0]:
            self._heads.add(parts[0][:_EDGE], pattern)
            return
        self._after_name.add(parts[1][:_EDGE], pattern)
        if parts[-1]:
            self._tails.add(parts[-1][-_EDGE:], pattern)

    def find(self, text: str, name: str = "") -> Phrase | None:
        """Return the phrase that a whole text is, or None.

        A phrase that begins with other words is found by its end, or behind the name of the text's author.
        """
        folded = _folded(text)
        if found := self._whole.get(folded):
            return found
        patterns: list[_Pattern] = []
        if folded[:1] in self._heads.outermost:
            patterns += self._heads.find(folded)
        if folded[-1:] in self._tails.outermost:
            patterns += self._tails.find(folded)
        if name and text.startswith(name):
            patterns += self._after_name.find(folded.removeprefix(name.casefold()))
        if not patterns:
            return None
        return next((each.phrase for each in patterns if _is_match(each, folded)), None)


def record_kind(phrase: Phrase) -> RecordKind:
    """Return the kind of record that a phrase stands for."""
    return cast(RecordKind, phrase.kind)


@cache
def open_phrase_book(platform: str) -> PhraseBook:
    """Return the phrases of a platform that stand for a whole record."""
    return PhraseBook(phrase for phrase in _read(platform) if phrase.kind in RECORD_KINDS)


@cache
def phrases_of(platform: str, kind: str) -> tuple[str, ...]:
    """Return the phrases of one kind, as they are written."""
    return tuple(phrase.text for phrase in _read(platform) if phrase.kind == kind)


def _read(platform: str) -> Iterator[Phrase]:
    with _TABLE.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                of, kind, _, source, text = line.rstrip("\n").split("\t")
                if of == platform:
                    yield Phrase(kind, text, source == _FIRST_SOURCE)


def _folded(text: str) -> str:
    return text.casefold().strip().rstrip(_END)


def _is_match(pattern: _Pattern, folded: str) -> bool:
    """Return whether a text begins and ends with the outer parts, and has the others in their order."""
    first, *middle, last = pattern.parts
    at, end = len(first), len(folded) - len(last)
    if end < at or not (folded.startswith(first) and folded.endswith(last)):
        return False
    for part in middle:
        found = folded.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
