"""A file that no reader knows: the format that it is nearest to, and what it lacks of that."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from training.importers.reading.guides import Guide
from training.importers.reading.sniff import FileHead

_LEAST_SHARE, _LEAST_MARKS = 0.5, 2  # of a format's marks: fewer are in many a file by chance
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
        lacking = " and ".join(f'{kind}"{mark}"' for mark in self.missing)
        return f"{self.head.source} is nearest to an export of {self.title}, but has no {lacking}: {way}"


def find_nearest(heads: Iterable[FileHead], formats: Sequence[Described]) -> Likeness | None:
    """Return the greatest likeness of a file to a format; None where no file is like one."""
    found = [each for head in heads for each in _likenesses(head, formats)]
    return max(found, key=lambda each: (each.share, each.found), default=None)


def _likenesses(head: FileHead, formats: Sequence[Described]) -> Iterable[Likeness]:
    words = _words(head)
    for each in formats:
        marks = each.GUIDE.marks
        missing = tuple(mark for mark in marks if not _holds(head, words, mark))
        found = len(marks) - len(missing)
        if found >= _LEAST_MARKS and found / len(marks) > _LEAST_SHARE:
            yield Likeness(head, each.TITLE, found / len(marks), found, missing)


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
