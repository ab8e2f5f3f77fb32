"""The words of a mail that its author wrote: without quotes, forwarded mails and signatures."""

import re
from collections.abc import Sequence
from functools import cache

from training.importers.reading.phrases import Phrase, PhraseBook, phrases_of
from training.importers.texts.mail.armour import without_armour
from training.importers.texts.mail.broken_lines import join_broken, join_flowed

_LONGEST_ATTRIBUTION, _ATTRIBUTION_LINES = 400, 3  # characters, and lines that it is broken into
_LONGEST_CLOSING = 100  # characters of a line such as "Sent from my iPhone"
_HEADER_LINES = 3  # names of fields, one below the other, that make the header of a quoted mail
_RULE = re.compile(r"[_\u2012-\u2015]{30,}+")
_FIELD = re.compile(r"[*\s]*+([^:：*\n]{1,30}+)\*?+\s?[:：]")
_WITH_SENDER = re.compile(r"[@<\d]")
_DATE = re.compile(r"(?<!\d)\d{1,4}[./-]\d{1,2}[./-]\d{2,4}(?!\d)|(?<!\d)\d{1,2}:\d\d(?!\d)")
_QUOTE, _SIGNS = (">",), (">", "|")  # "|" is a quote's where an attribution stands before it
_INITIALS = re.compile(r"[^\W\d_]{1,4}>++(?=\s|\Z)")  # "Bo> tea?"
_BLANKS = str.maketrans({"\xa0": " ", "\u202f": " ", "\u200e": "", "\u200f": ""})
_MANY_BREAKS = re.compile(r"\n{3,}+")


def own_words(text: str, is_flowed: bool = False) -> str:
    """Return the author's words. Takes linear time."""
    lines = without_armour(text.translate(_BLANKS).split("\n"))
    own, at = list[str](), 0
    marks: tuple[str, ...] = _QUOTE
    while at < len(lines):
        line = lines[at].strip()
        if line.startswith(marks) or _INITIALS.match(line):
            at += 1
            continue
        if line and _ends(lines, at):
            break
        if line and (size := _attribution(lines, at)):
            mark = _quote_follows(lines, at + size)
            if not mark:
                break
            at, marks = at + size, (*_QUOTE, mark)
            continue
        if not _is_closing(line):
            own.append(lines[at])
        at += 1
    joined = join_flowed(own) if is_flowed else join_broken(own)
    return _MANY_BREAKS.sub("\n\n", "\n".join(joined)).strip()


def _ends(lines: Sequence[str], at: int) -> bool:
    """Return whether a signature, a forwarded mail or one that is quoted whole begins with this line."""
    line = lines[at].strip()
    if line == "--" or _RULE.fullmatch(line):
        return True
    if line[:1] in "-*_=" or line.endswith((":", "：")):
        core, is_ruled = line.strip("-_*= "), line.startswith(("--", "__", "**", "=="))
        if core.casefold() in _separators() and (is_ruled or line.endswith(":")):
            return True
        if is_ruled and len(core) <= _LONGEST_ATTRIBUTION and _named_separators().find(core) is not None:
            return True
    return _header_begins(lines, at)


def _header_begins(lines: Sequence[str], at: int) -> bool:
    """Return whether the header of another mail begins here: three of its fields, one below the other.

    Two are enough where the first one tells the sender and empty lines stand around them. HTML may leave an
    empty line between fields.
    """
    first = _field_name(lines[at])
    if first not in _field_names():
        return False
    below = [line for line in lines[at + 1 : at + 2 * _HEADER_LINES] if line.strip()][: _HEADER_LINES - 1]
    count = 1 + sum(_field_name(line) in _field_names() for line in below)
    if count == _HEADER_LINES:
        return True
    if first not in _senders() or (at and lines[at - 1].strip()) or not below:
        return False
    behind = lines.index(below[0], at + 1) + 1
    return _field_name(below[0]) in _field_names() and not "".join(lines[behind : behind + 1]).strip()


def _field_name(line: str) -> str:
    field = _FIELD.match(line)
    return field[1].strip().casefold() if field else ""


def _attribution(lines: Sequence[str], at: int) -> int:
    """Return how many lines say who wrote the quote below; 0 where these lines do not."""
    if _is_without_colon(lines, at):
        return 1
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
        tells_when = bool(_DATE.search(joined))
        if tells_who or (size == 1 and (tells_when or _stands_before_quote(lines, at + size))):
            return size
    return 0


def _is_without_colon(lines: Sequence[str], at: int) -> bool:
    """Return whether a line says who wrote the quote right below it, and has no colon behind it."""
    line = lines[at].strip()
    if not 0 < len(line) <= _LONGEST_ATTRIBUTION or line.endswith((":", "：")):
        return False
    if not "".join(lines[at + 1 : at + 2]).lstrip().startswith(">"):
        return False
    phrase = _attributions().find(line + ":")
    return phrase is not None and bool(_WITH_SENDER.search(line))


def _quote_follows(lines: Sequence[str], at: int) -> str:
    """Return the sign before the next line with words, where it is quoted; two empty ones may stand above."""
    following = _following(lines, at).lstrip()
    return following[:1] if following.startswith(_SIGNS) else ""


def _stands_before_quote(lines: Sequence[str], at: int) -> bool:
    """Return whether the next line with words is quoted, by a sign or as a block behind blanks."""
    return bool(_quote_follows(lines, at)) or _following(lines, at).startswith(("  ", "\t"))


def _following(lines: Sequence[str], at: int) -> str:
    return next((line for line in lines[at : at + 3] if line.strip()), "")


def _is_closing(line: str) -> bool:
    """Return whether a line is what a phone or a program adds: "Sent from my iPhone"."""
    return 0 < len(line) <= _LONGEST_CLOSING and _closings().find(line) is not None


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


@cache
def _senders() -> frozenset[str]:
    return frozenset(text.casefold() for text in phrases_of("mail", "quoted sender"))


@cache
def _named_separators() -> PhraseBook:
    return PhraseBook(Phrase("", text, False) for text in phrases_of("mail", "separator") if "{}" in text)
