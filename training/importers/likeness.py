"""A file that no reader knows: the format that it is nearest to, and what it lacks of that."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

from training.importers.reading.guides import Guide
from training.importers.reading.sniff import FileHead

_LEAST_SHARE, _LEAST_MARKS = 0.5, 2  # of a format's marks: fewer are in many a file by chance
_SAME, _MOST_NAMES = 0.8, 50  # how like a misspelt key is, by difflib; more keys than a data set has
_NAME = re.compile(r"[A-Za-z_][\w-]*+")
_WORD = re.compile(r"[\w-]++")
_DATABASE = "SQLite format 3\x00"


class Described(Protocol):
    """A format with the words that tell people about it."""

    TITLE: str
    GUIDE: Guide


@dataclass(frozen=True, slots=True)
class Likeness:
    """A format and a file with some of its marks; `missing` are the others."""

    head: FileHead
    title: str
    share: float
    found: int
    missing: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The answer to whoever wants to import this file."""
        way = f"`python -m training formats '{self.title}'` tells how to export it."
        if not self.missing:
            return (
                f"{self.head.source} looks like a part of an export of {self.title}: import all of it. {way}"
            )
        kind = "column " if _is_table(self.head) else ""
        lacking = _quoted(self.missing, kind)
        return f"{self.head.source} is nearest to an export of {self.title}, but has no {lacking}: {way}"


def find_nearest(heads: Iterable[FileHead], formats: Sequence[Described]) -> Likeness | None:
    """Return the greatest likeness of a file to a format; None where no file is like one."""
    found = [each for head in heads for each in _likenesses(head, formats)]
    return max(found, key=lambda each: (each.share, each.found), default=None)


def find_misspelt(heads: Iterable[FileHead], formats: Sequence[Described]) -> str:
    """Return the sentence about a data set whose keys are nearly those of a format; "" where none is."""
    for head in heads:
        words = _words(head)
        for each in formats if len(words) <= _MOST_NAMES else ():
            names = _spellings(words, each.GUIDE)
            if wrong := {name: mark for mark, name in names.items() if name != mark}:
                way = f"`python -m training formats '{each.TITLE}'` shows a record."
                right = f"where {each.TITLE} has {_quoted(wrong.values())}: write it so. {way}"
                return f"{head.source} has {_quoted(wrong)}, {right}"
    return ""


def _spellings(words: Collection[str], guide: Guide) -> dict[str, str]:
    """Return for each mark of a data set the key that is it or nearly it; nothing where one has none."""
    if not guide.example or len(guide.marks) < _LEAST_MARKS:
        return {}
    found = {
        mark: [mark] if mark in words else get_close_matches(mark, words, 1, _SAME) for mark in guide.marks
    }
    return {mark: names[0] for mark, names in found.items()} if all(found.values()) else {}


def _likenesses(head: FileHead, formats: Sequence[Described]) -> Iterable[Likeness]:
    words = _words(head)
    for each in formats:
        marks = each.GUIDE.marks
        missing = tuple(mark for mark in marks if not _holds(head, words, mark))
        found = len(marks) - len(missing)
        if found >= _LEAST_MARKS and found / len(marks) > _LEAST_SHARE:
            yield Likeness(head, each.TITLE, found / len(marks), found, missing)


def _quoted(names: Iterable[str], kind: str = "") -> str:
    return " and ".join(f'{kind}"{name}"' for name in names)


def _words(head: FileHead) -> frozenset[str]:
    """Return the names in a file: of JSON its keys, of a table its columns, of XML and databases all words.

    A text has none, since names of keys are words of any language.
    """
    if head.keys:
        return frozenset(key.rpartition(".")[2].removesuffix("[]") for key in head.keys)
    if head.text.lstrip("\ufeff \r\n").startswith("<") or head.text.startswith(_DATABASE):
        return frozenset(_WORD.findall(head.text))
    return frozenset(head.columns) if _is_table(head) else frozenset()


def _is_table(head: FileHead) -> bool:
    return not head.keys and len(head.columns) > 1


def _holds(head: FileHead, words: frozenset[str], mark: str) -> bool:
    return mark in words if _NAME.fullmatch(mark) else mark in words or mark in head.text
