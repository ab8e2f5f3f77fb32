"""Telephone numbers: by their country code, by a shape that is nothing else, or by the words around them."""

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import NumberParseException

from training.scrub.detectors.span import PrivateSpan

_DIGITS = re.compile(r"(?:[0-9][^0-9]{0,3}){7}")
_RUN = re.compile(
    r"(?<![A-Za-z0-9_#$€£¥/-])(?<![0-9][.,:])[+(（]{0,2}[0-9](?:[ \u00a0().（）\-‐‑–/]{0,3}[0-9]){6,40}"
    r"(?![A-Za-z0-9_%])"
)
_SPACED = re.compile(r"[^\s]+")
_GROUPS = 13  # groups of digits in one number, at most: "1 3 7 0 0 0 0 4 4 4 4"
_ANNOUNCED = re.compile(  # words that announce a phone number at most 24 characters behind
    r"(?:phone|\btel\b|telefon|teléfono|\bcall|\btext\b|\bring\b|\bdial|mobile|\bcell|whatsapp"
    r"|landline|\bhmu\b|\bdigits\b|\bnum\b|\bfax|\bsms|reach me"
    r"|(?:my|his|her|their|whose) (?:number|num|nr)\b|number'?s\b|handy|nummer|\bruf|erreichbar|móvil"
    r"|llam|celular|mi número|\bzap\b"
    r"|appelle|portable|電話|携帯|电话|電話|手机|手機|号码|我号|座机|打给|拨打|热线|微信|전화|번호|휴대폰|\bтел|номер)"
    r"[^0-9+(（\n]{0,24}$",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?:order|invoice|ticket|tracking|parcel|isbn|serial|confirm|ref\b|reference|account|case|flight"
    r"|episode|version|build"
    r"|seed|upc|barcode|bestell|auftrag|rechnung|pedido|factura|订单|单号|快递|编号|流水|注文|予約|価格|score|population)"
    r"[^0-9+(（\n]{0,24}$",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"(?:19|20)[0-9]{2}[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12][0-9]|3[01])(?![0-9])"
    r"|(?:0?[1-9]|[12][0-9]|3[01])[-/. ](?:0?[1-9]|[12][0-9]|3[01])[-/. ](?:19|20)[0-9]{2}(?![0-9])"
    r"|(?:19|20)[0-9]{2}\s?[-–/]\s?(?:19|20)[0-9]{2}(?![0-9])"
)
_SHAPES = re.compile(  # national forms that few other numbers have
    r"(?:1[-. ])?\(?[2-9][0-9]{2}\)?[-. /] ?[2-9][0-9]{2}[-. /]?[0-9]{4}"  # North America
    r"|1[3-9][0-9](?:[0-9]{8}|([- ]?)[0-9]{4}\1[0-9]{4})|1(?: [0-9]){10}"  # a Chinese mobile
    r"|0[1-9][0-9]{1,2}-[0-9]{7,8}|[48]00[- ][0-9]{3}[- ][0-9]{4}"  # a Chinese land line, a hot line
    r"|[(（][0-9]{2,4}[)）] ?[0-9]{3,5}[- ][0-9]{4}"  # an area code in brackets
    r"|[67][0-9]{2} [0-9]{2} [0-9]{2} [0-9]{2}"  # a Spanish mobile
)
_NATIONAL = re.compile(r"[(（]?0[1-9](?=(?:[^0-9]{0,3}[0-9]){7,10}$)[0-9]*(?:[^0-9]{1,3}[0-9]+){0,4}")
_REGIONS = "GB DE FR JP KR IT AU NL AT CH BE SE".split()  # their national numbers begin with 0


def find_phone_numbers(text: str) -> Iterator[PrivateSpan]:
    """Yield numbers with a country code, in a national form, or of 7 to 13 digits behind a word like "call".

    Dates, ranges of years, grouped thousands and numbers behind "order" or "invoice" are no phone numbers.
    """
    if not _DIGITS.search(text):
        return
    for run in _RUN.finditer(text):
        yield from _inside(text, run.start(), run.end())


def _inside(text: str, start: int, end: int) -> Iterator[PrivateSpan]:
    """Yield the longest phone numbers in a run of digit groups, from left to right, cut at spaces only."""
    groups = [found.span() for found in _SPACED.finditer(text, start, end)]
    index = 0
    while index < len(groups):
        begin = groups[index][0]
        lasts = range(min(len(groups), index + _GROUPS) - 1, index - 1, -1)
        sized = [last for last in lasts if _is_sized(text, begin, groups[last][1])]
        before = text[max(0, begin - 40) : begin] if sized else ""
        announced, other = bool(_ANNOUNCED.search(before)), bool(_OTHER.search(before))
        best = next(
            (last for last in sized if _is_phone(text[begin : groups[last][1]], announced, other)), -1
        )
        if best >= 0:
            yield PrivateSpan(begin, groups[best][1], "phone")
        index = max(best, index) + 1


def _is_sized(text: str, start: int, end: int) -> bool:
    """True for 7 to 15 digits (15 is the most in ITU-T E.164) that are no date."""
    return 7 <= sum(map(str.isdigit, text[start:end])) <= 15 and not _DATED.match(text, start, end)


def _is_phone(raw: str, announced: bool, other: bool) -> bool:
    """True for a phone number; words before it announce one (`announced`) or another number (`other`)."""
    if raw.startswith(("+", "(+")) or (raw.startswith("00") and announced):
        return _is_possible(f"+{raw.lstrip('(+0')}")
    if other:
        return False
    if _SHAPES.fullmatch(raw) or (
        _NATIONAL.fullmatch(raw) and any(_is_valid(raw, region) for region in _REGIONS)
    ):
        return True
    return announced and sum(map(str.isdigit, raw)) <= 13


def _is_possible(raw: str) -> bool:
    """True if the country exists and has numbers of this length: behind a plus, that is enough."""
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(raw))
    except NumberParseException:
        return False


def _is_valid(raw: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(raw, region))
    except NumberParseException:
        return False
