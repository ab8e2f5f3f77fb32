"""Dates of birth: a date behind or before words like "born", "birthday", "dob"."""

import re
from collections.abc import Iterator

from training.scrub.detectors.span import PrivateSpan

_SAYS = re.compile(
    r"(?:\bborn\b|\bb-?day\b|birthday|\bdob\b|d\.o\.b|date of birth|geboren|geburtstag|geburtsdatum|\bgeb\."
    r"|\bnací\b|nacimiento"
    r"|cumpleaños|\bcumple\b|\banniv\b|compleanno|\bi(?:['’]ll)? turn(?:ed)? [0-9]{1,3}\b"
    r"|\bnée?\b|naissance|anniversaire|nasci|aniversário|nato il|nata il|родил|рождения"
    r"|\bur\.|出生|生于|生於|生日|誕生日|생일)",
    re.I,
)
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|ene|abr|ago|dic|janv|févr"
    r"|mars|avr|juin|gen|mag|giu|lug|ott"
    r"|juil|août|déc|set|out|янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек)[\w]{0,8}\.?"
)
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
_YEAR = r"(?:(?:19|20)[0-9]{2}|['’][0-9]{2})"
_ORDINAL = (
    r"(?:twenty-|thirty-)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth"
    r"|eleventh|twelfth"
    r"|(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth"
)
_DATE = re.compile(
    rf"(?<![\w])(?:{_DAY}(?:st|nd|rd|th|\.)? (?:of |de |d[’'])?{_MONTH}(?:,? (?:de |del )?{_YEAR})?"
    rf"|(?:{_ORDINAL})(?: of)? {_MONTH}(?:,? {_YEAR})?|{_MONTH} the (?:{_ORDINAL})(?:,? {_YEAR})?"
    rf"|{_MONTH} {_DAY}(?:st|nd|rd|th)?(?:,? {_YEAR})?"
    rf"|(?:19|20)[0-9]{{2}}[-/.]{_DAY}[-/.]{_DAY}"
    rf"|{_DAY}[-/. ]{_DAY}[-/. ](?:(?:19|20)?[0-9]{{2}})"
    r"|(?<!at )(?<!um )(?:0[1-9]|[12][0-9]|3[01])\.(?:0[1-9]|1[0-2])\.?(?!\.?[0-9]))(?![\w])",
    re.I,
)
_CJK_DATE = re.compile(
    rf"(?:(?:19|20)?[0-9]{{2}}[年년] ?)?(?:0?[1-9]|1[0-2])[月월] ?{_DAY}[日号號일]"
    r"|[一二三四五六七八九十]{1,2}月初?[一二三四五六七八九十]{1,3}[日号號]?"
)
_STOP = re.compile(r"[!?\n]|\.\s")  # the end of a sentence
_DIGIT = re.compile("[0-9]")
_MAY_SAY = (  # a part of each word of `_SAYS`: most texts have none, which is found faster so
    "born bday b-day birth dob d.o.b gebor geburt geb. nací nacim cumple né anniv naiss nasci anivers"
    " nato nata complean turn родил рожд ur. 生 誕 생일"
).split()
_SPELT = ("birth", "born", "bday", "b-day", "生")  # beside which a date may have no digit: "the third of May"
_NEAR = 32  # characters between the words and the date


def find_birthdays(text: str) -> Iterator[PrivateSpan]:
    """Yield dates with day and month at most 32 characters from a word for birth."""
    lower = text.lower()
    if not any(part in lower for part in (_MAY_SAY if _DIGIT.search(text) else _SPELT)):
        return
    says = [found.span() for found in _SAYS.finditer(text)]
    if not says:
        return
    for found in (*_DATE.finditer(text), *_CJK_DATE.finditer(text)):
        if any(_is_near(text, found.span(), said) for said in says):
            yield PrivateSpan(*found.span(), "birth")


def _is_near(text: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two spans stand in one sentence, at most `_NEAR` characters apart."""
    (_, end), (start, _) = sorted((one, other))
    return start - end <= _NEAR and not _STOP.search(text, end, max(end, start))
