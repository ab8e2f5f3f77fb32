"""The kinds of KakaoTalk messages, and the lines that KakaoTalk writes itself."""

import re
from collections.abc import Set as AbstractSet
from functools import cache
from typing import NamedTuple

from training.importers.reading.phrases import open_phrase_book, phrases_of, record_kind
from training.importers.reading.record_kinds import RecordKind

_NUMBER = re.compile(r"\d++")
_LONGEST = 200  # characters of a line that KakaoTalk writes itself
_EMOTICON = re.compile(r"\A\((?:이모티콘|emoticon)\) (?=\S)", re.IGNORECASE)  # before words


class KakaoContent(NamedTuple):
    """The kind of a message, and its words."""

    kind: RecordKind
    text: str


def parse_content(text: str) -> KakaoContent:
    """Return the parts of a message's text. A number in a phrase stands there as 0."""
    if not text:
        return KakaoContent("undelivered", "")
    if len(text) <= _LONGEST:
        book = open_phrase_book("kakaotalk")
        if phrase := book.find(text) or book.find(_NUMBER.sub("0", text)):
            return KakaoContent(record_kind(phrase), "")
    words = _EMOTICON.sub("", text, count=1)
    return KakaoContent("words", words)


def unheaded_kind(line: str, authors: AbstractSet[str] = frozenset()) -> RecordKind | None:
    """Return what a line without a time is that KakaoTalk writes itself; None for a line of words.

    Short English notices may be a person's words too: they count where they begin with a known name.
    """
    if not line or len(line) > _LONGEST:
        return None
    if phrase := open_phrase_book("kakaotalk notice").find(line):
        return record_kind(phrase)
    for middle, end in _person_notices():
        if line.endswith(end):
            name, found, _ = line.partition(middle)
            if found and name in authors:
                return "notice"
    return None


@cache
def _person_notices() -> tuple[tuple[str, str], ...]:
    """The words behind a name in the short notices, and those at their end."""
    parts = (f"{text}{{}}".split("{}", 2) for text in phrases_of("kakaotalk person", "notice"))
    return tuple((middle, end.removesuffix("{}")) for _, middle, end in parts)
