"""The words of a mail that its author wrote: without quotes, forwarded mails and signatures."""

import re
from collections.abc import Sequence
from functools import cache

from training.importers.reading.phrases import Phrase, PhraseBook, phrases_of

_LONGEST_ATTRIBUTION, _ATTRIBUTION_LINES = 400, 3  # characters, and lines that it is broken into
_LONGEST_CLOSING = 100  # characters of a line such as "Sent from my iPhone"
_HEADER_LINES = 3  # names of fields, one below the other, that make the header of a quoted mail
_RULE = re.compile(r"[_\u2012-\u2015]{30,}+")
_FIELD = re.compile(r"[*\s]*+([^:：*\n]{1,30}+)\*?+\s?[:：]")
_WITH_SENDER = re.compile(r"[@<\d]")
_NARROWEST, _WIDEST = 60, 80  # columns at which programs break the lines of a mail
_SENTENCE_ENDS = (".", "!", "?", ":", "…")
_BLANKS = str.maketrans({"\xa0": " ", "\u202f": " ", "\u200e": "", "\u200f": ""})
_MANY_BREAKS = re.compile(r"\n{3,}+")


def own_words(text: str, is_flowed: bool = False) -> str:
    """Return the author's words. Takes linear time."""
    lines = text.translate(_BLANKS).split("\n")
    own, at = list[str](), 0
    while at < len(lines):
        line = lines[at].strip()
        if line.startswith(">"):
            at += 1
            continue
        if line and _ends(lines, at):
            break
        if line and (size := _attribution(lines, at)):
            if not _quote_follows(lines, at + size):
                break
            at += size
            continue
        if not _is_closing(line):
            own.append(lines[at])
        at += 1
    joined = _join_flowed(own) if is_flowed else _join_broken(own)
    return _MANY_BREAKS.sub("\n\n", "\n".join(joined)).strip()


def _ends(lines: Sequence[str], at: int) -> bool:
    """Return whether a signature, a forwarded mail or one that is quoted whole begins with this line."""
    line = lines[at].strip()
    if line == "--" or _RULE.fullmatch(line):
        return True
    if line[:1] in "-*_" or line.endswith((":", "：")):
        core = line.strip("-_* ")
        if core.casefold() in _separators() and (line.startswith(("--", "__", "**")) or line.endswith(":")):
            return True
    return _header_begins(lines, at)


def _header_begins(lines: Sequence[str], at: int) -> bool:
    """Return whether the header of another mail begins here: three of its fields, one below the other."""
    for line in lines[at : at + _HEADER_LINES]:
        field = _FIELD.match(line)
        if field is None or field[1].strip().casefold() not in _field_names():
            return False
    return len(lines) >= at + _HEADER_LINES


def _attribution(lines: Sequence[str], at: int) -> int:
    """Return how many lines say who wrote the quote below; 0 where these lines do not."""
    if not any(line.rstrip().endswith((":", "：")) for line in lines[at : at + _ATTRIBUTION_LINES]):
        return 0
    for size in range(1, _ATTRIBUTION_LINES + 1):
        parts = [line.strip() for line in lines[at : at + size]]
        if len(parts) < size or not all(parts) or any(part.startswith(">") for part in parts):
            return 0
        joined = " ".join(parts)
        if len(joined) > _LONGEST_ATTRIBUTION:
            return 0
        if not joined.endswith((":", "：")):
            continue
        phrase = _attributions().find(joined)
        if phrase is None or (size > 1 and phrase.text.startswith("{}")):
            continue
        tells_who = bool(_WITH_SENDER.search(joined)) and ("<" in joined or not phrase.text.startswith("{}"))
        if tells_who or (size == 1 and _quote_follows(lines, at + size)):
            return size
    return 0


def _quote_follows(lines: Sequence[str], at: int) -> bool:
    """Return whether the next line with words is quoted; two empty ones may stand before it."""
    following = next((line for line in lines[at : at + 3] if line.strip()), "")
    return following.lstrip().startswith(">")


def _is_closing(line: str) -> bool:
    """Return whether a line is what a phone or a program adds: "Sent from my iPhone"."""
    return 0 < len(line) <= _LONGEST_CLOSING and _closings().find(line) is not None


def _join_flowed(lines: Sequence[str]) -> list[str]:
    """Join the lines that go on (RFC 3676); a blank at the beginning of a line is of the transport."""
    joined, goes_on = list[list[str]](), False
    for line in lines:
        line = line.removeprefix(" ")
        if goes_on and line.strip():
            joined[-1].append(line)
        else:
            joined.append([line])
        goes_on = line.endswith(" ") and bool(line.strip())
    return ["".join(parts).rstrip() for parts in joined]


def _join_broken(lines: Sequence[str]) -> list[str]:
    """Join the lines that a program broke: the next word had no room in the width of the longest line."""
    width = max((len(line) for line in lines if "://" not in line), default=0)
    if not _NARROWEST <= width <= _WIDEST:
        return [line.rstrip() for line in lines]
    joined, goes_on = list[list[str]](), False
    for at, line in enumerate(lines):
        if goes_on:
            joined[-1].append(line.strip())
        else:
            joined.append([line.rstrip()])
        following = lines[at + 1] if at + 1 < len(lines) else ""
        word = following[:_WIDEST].partition(" ")[0]
        goes_on = word[:1].isalnum() and _is_broken(line.rstrip(), len(word), width)
    return [" ".join(parts) for parts in joined]


def _is_broken(line: str, next_word: int, width: int) -> bool:
    return " " in line and not line.endswith(_SENTENCE_ENDS) and len(line) + 1 + next_word > width


@cache
def _attributions() -> PhraseBook:
    return PhraseBook(Phrase("", text, False) for text in phrases_of("mail", "attribution"))


@cache
def _closings() -> PhraseBook:
    return PhraseBook(Phrase("", text, False) for text in phrases_of("mail", "sent from"))


@cache
def _separators() -> frozenset[str]:
    return frozenset(text.casefold() for text in phrases_of("mail", "separator")) | frozenset(
        text.casefold().rstrip(": ") for text in phrases_of("mail", "separator")
    )


@cache
def _field_names() -> frozenset[str]:
    return frozenset(text.casefold() for text in phrases_of("mail", "quoted header"))
