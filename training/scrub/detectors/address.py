"""Postal addresses, as far as rules go: a house number beside a word for a street, with flat and town."""

import re
from collections.abc import Iterator

from training.scrub.detectors.span import PrivateSpan

_POSTCODE = r"[A-Z]{1,2}[0-9][A-Z0-9]?\s[0-9][A-Z]{2}"
_STREET = (
    "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Plaza|Terrace"
    "|Square|Sq|Close|Crescent|Highway|Hwy|Parkway|Pkwy|Gardens|Grove|Row|Walk|Hill|Mews|Trail|Circle"
)
_ENGLISH = re.compile(
    r"(?<![\w.,:/-])[0-9]{1,5}[A-Za-z]?,?[ ](?:(?:[NSEW]\.?|North|South|East|West|north|south|east"
    r"|west)[ ])?"
    rf"(?:(?:(?:[A-Z][\w'’.-]{{0,30}}|[0-9]{{1,3}}(?:st|nd|rd|th))[ ]){{1,4}}?(?:{_STREET})\b\.?"
    r"|(?:(?!way\b|the\b|of\b|down\b|blocks?\b|on\b|in\b|up\b"
    r"|my\b)[a-z0-9'’-]{3,30}[ ]){1,2}?(?:street|road|avenue|boulevard|lane|rd|ave|blvd)\b)"
    r"(?:,?[ ](?:[Aa]pt|[Ss]uite|[Uu]nit|[Ff]lat|#)\.?[ ]?\w{1,6})?"
    r"(?:,[ ][A-Z][a-z]{1,30}(?:[ ][A-Z][a-z]{1,30}){0,2})?(?:,?[ ][A-Z]{2}(?!\w))?"
    rf"(?:,?[ ](?:[0-9]{{5}}(?:-[0-9]{{4}})?|{_POSTCODE})(?!\w))?"
    rf"|(?<!\w)(?:{_POSTCODE}|(?:P\.[ ]?O\.|PO|P\.O)[ ]Box[ ][0-9]{{1,6}}(?:,[ ][A-Z][a-z]{{1,30}})?)(?!\w)"
)
_AREA = re.compile(
    r"(?:\bzip(?: ?code)?|\bpostcode|\bpost(?:al)? code|\bPLZ|código postal|邮编|邮政编码)\s?(?:is|ist|es|是"
    r"|[:：])?\s?([0-9]{4,6})(?![0-9])",
    re.IGNORECASE,
)
_CITY = r"(?:,?[ ][0-9]{5}[ ][A-ZÄÖÜÁÉÍÓÚÑ][a-zäöüßáéíóúñ-]{1,30})?"
_EUROPEAN = re.compile(
    r"(?<!\w)(?:(?:Am|An|Auf|Im|In|Zum|Zur)[ ](?:der[ ])?)?[A-ZÄÖÜ][\wäöüß-]{0,40}?"
    rf"(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer)[ ][0-9]{{1,4}}[ ]?[a-h]?(?!\w){_CITY}"
    r"|(?<!\w)[a-zäöüß]{4,30}(?:straße|strasse|str\.|gasse|allee)[ ][0-9]{1,4}(?!\w)"
    r"|(?<!\w)(?:[Cc]alle|C/|[Aa]venida|Avda\.?|Av\.|[Pp]laza|[Pp]aseo|[Rr]ua|[Vv]ia|[Vv]iale|[Pp]iazza)[ ]"
    r"(?:(?:de|la|del|los|las|da"
    r"|do)[ ]){0,2}(?:[A-ZÁÉÍÓÚÑ][\w.'-]{0,30},?[ ]){1,4}(?:n[ºo°]\.?[ ]?)?[0-9]{1,4}(?!\w)"
    rf"(?:,[ ][0-9]{{1,2}}[ ]?[ºªo]?[ ]?[A-Z](?!\w))?{_CITY}"
    r"|(?<!\w)[0-9]{1,4}(?:[ ]?(?:bis|ter))?,?[ ](?:rue|avenue|boulevard|place|chemin|allée|impasse"
    r"|quai)[ ]"
    r"(?:(?:de|du|des|la|le|les)[ ]|l['’]|d['’]){0,3}[A-ZÀ-Ý][\w'’-]{0,30}(?:[ ][A-ZÀ-Ý][\w'’-]{0,30}){0,2}"
    rf"(?:,?[ ][0-9]{{5}}[ ][A-ZÀ-Ý][\w-]{{1,30}})?"
)
_SMALL = re.compile(  # in small letters: only behind words that announce an address
    r"(?<!\w)(?:at|to|address(?:[ ]is|:)|adress(?:[ ]is|:)|lives?|living|(?:house|place|flat)[ ]is)[ ]"
    r"(?P<street>[0-9]{1,5}[a-z]?[ ](?!star|way|min|hour|day|am\b|pm\b|in\b|of\b|the\b|to\b|on\b"
    r"|square)(?:[a-z'’-]{2,20}[ ]){1,2}?(?:st|dr|drive|court|ct|close|crescent|terrace|way|place|pl"
    r"|square|sq|gardens|grove|row|walk|hill|mews|circle)(?![a-z])"
    r"(?:,?[ ](?:apt|suite|unit|flat|\#)\.?[ ]?\w{1,6})?)"
)
_SMALL_EUROPEAN = re.compile(
    r"(?<!\w)(?:(?:calle|avenida|avda\.?|plaza|paseo|rua|via|viale|piazza)[ ](?:(?:de|la|del|los"
    r"|las|da|do)[ ]){0,2}"
    r"(?!hay\b|es\b|con\b|y\b|a\b|en\b"
    r"|de\b)[a-záéíóúñ'-]{3,20}(?:[ ][a-záéíóúñ'-]{3,20})?,?[ ][0-9]{1,4}(?!\w)(?![ ][a-z]{4,}s\b)"
    r"|[0-9]{1,4}(?:[ ]?(?:bis|ter))?,?[ ](?:rue|avenue|boulevard|chemin|allée|impasse|quai)[ ]"
    r"(?:(?:de|du|des|la|le|les)[ ]|l['’]|d['’]){1,3}[a-zà-ÿ'’-]{3,20}"
    r"|(?:am|an der|auf der|im|zum|zur)[ ](?:[a-zäöüß]{3,20}[ ])?(?:markt|platz|weg|hang|berg"
    r"|graben|ring|damm|ufer|anger|kirchhof)"
    r"[ ][0-9]{1,4}[a-h]?(?!\w))"
)
_SMALL_ALONE = re.compile(
    r"(?<![\w.,:/-])[0-9]{1,5}[a-z]?[ ][a-z'’-]{3,20}[ ](?:st|dr|close|court|crescent|terrace)"
    r"(?:,?[ ](?:apt|suite|unit|flat)\.?[ ]?\w{1,6})(?!\w)"
    r"|(?<![\w.,:/-])[0-9]{1,5}[a-z][ ][a-z'’-]{3,20}[ ](?:st|dr|ct)(?=\s{0,3}(?:$|[,.;\n]))"
    r"|(?<!\w)(?!(?:park|spiel|arbeits|sitz|sport|steh|camping|lager|stell|wander|rad|fuß|bahn|flug|start|markt"
    r"|unter|aus|um|hin|rück|heim|feld|schrott|tank|lieblings)(?:weg|platz))"
    r"[a-zäöüß]{1,30}(?:weg|platz|ufer|damm)[ ][0-9]{1,4}[a-h]?(?![\w%]|[ ](?:km|m|uhr|min|euro|€|mal)\b)"
    r"|(?<!\w)[a-zäöüß]{3,30}str\.[ ][0-9]{1,4}[ ]?[a-h]?(?!\w)(?:,?[ ][0-9]{5}(?:[ ][a-zäöüß]{3,20})?)?"
    r"|(?<!\w)[a-z]{3,25}(?:straat|gracht|laan|plein)[ ][0-9]{1,4}[a-z]?(?!\w)"
    r"|(?<!\w)c/[ ]?[a-záéíóúñ'-]{3,20},?[ ][0-9]{1,4}(?!\w)(?:,[ ][0-9]{1,2}[ºªo]?(?:[ ][a-z])?(?!\w))?"
    r"|(?<!\w)(?:j['’]habite|adresse[ ]?:)[ ](?:au[ ])?[0-9]{1,4}(?:[ ](?:bis|ter))?,?[ ](?:rue|avenue"
    r"|boulevard|chemin|allée|impasse|quai)(?:[ ][a-zà-ÿ'’-]{2,20}){1,3}"
    r"|(?<!\w)p\.?[ ]?o\.?[ ]box[ ][0-9]{1,6}(?!\w)"
)
_RUSSIAN = re.compile(
    r"(?<!\w)(?:ул(?:ица|\.)|просп(?:ект|\.)|пер(?:еулок|\.))[ ]?[а-яё-]{3,30},?[ ](?:д(?:ом|\.)[ ]?)?"
    r"[0-9]{1,4}[а-я]?(?!\w)(?:,?[ ]кв(?:артира|\.)[ ]?[0-9]{1,4})?",
    re.IGNORECASE,
)
_HAN = "\u3400-\u9fff"
_NUMBER = "[0-9一二三四五六七八九十百]{1,5}"
_CHINESE = re.compile(
    rf"(?:路|街|(?<![知味难频报轨])道|巷|弄|胡同)[甲乙丙丁]?[0-9]{{1,5}}(?:号|號|弄)|(?:小区|花园|公寓|家园|新村|大厦|苑|庭|城)"
    rf"{_NUMBER}(?:号楼|号|栋|幢|座|楼)|[A-Za-z]座[0-9]{{3,4}}"
)
_INNER = re.compile(
    rf"(?:[A-Za-z]?{_NUMBER}(?:号楼|号|弄|栋|幢|座|楼|层|单元|室|户)|[A-Za-z]座|[0-9]{{3,4}}(?:室)?(?![0-9]))"
)
_LEFT = re.compile(rf"(?<![{_HAN}0-9])[{_HAN}0-9]{{0,40}}$")  # each run of the characters is tried once
_STOP = re.compile("[我你他她它住在到去寄送址从是给往于离的了和跟就]")
_JAPANESE = re.compile(
    rf"(?:〒[ ]?[0-9]{{3}}-[0-9]{{4}}[ ]?)?[{_HAN}]{{2,3}}[都道府県][{_HAN}ぁ-ヶ]{{1,20}}?[0-9]{{1,4}}(?:丁目"
    rf"|番地?|-)[0-9-]{{1,8}}(?:番地?|号)?"
)


def find_addresses(text: str) -> Iterator[PrivateSpan]:
    """Yield streets with a house number in English, German, Spanish, French and Japanese, and postcodes.

    Rules find the usual forms only: less than half of the labelled addresses that were written to be hard
    (`tests/benchmarks/scrub.py`). A place without a number ("the flat over the bakery") always stays.
    """
    yield from (PrivateSpan(*found.span(), "address") for found in _ENGLISH.finditer(text))
    yield from (PrivateSpan(*found.span(1), "address") for found in _AREA.finditer(text))
    yield from (PrivateSpan(*found.span(), "address") for found in _EUROPEAN.finditer(text))
    yield from (PrivateSpan(*found.span("street"), "address") for found in _SMALL.finditer(text))
    yield from (PrivateSpan(*found.span(), "address") for found in _SMALL_EUROPEAN.finditer(text))
    yield from (PrivateSpan(*found.span(), "address") for found in _SMALL_ALONE.finditer(text))
    if not text.isascii():
        yield from (PrivateSpan(*found.span(), "address") for found in _RUSSIAN.finditer(text))
        yield from (PrivateSpan(*found.span(), "address") for found in _JAPANESE.finditer(text))


def find_chinese_addresses(text: str) -> Iterator[PrivateSpan]:
    """Yield Chinese addresses down to the house, whose number may be written in characters."""
    if not text.isascii():
        last = 0
        for found in _CHINESE.finditer(text):
            if found.start() >= last:  # each door of the last address would reach its end again
                span = _widened(text, *found.span())
                last = span.end
                yield span


def _widened(text: str, start: int, end: int) -> PrivateSpan:
    """Extend a street with its number to the left up to a word like 住在, to the right to the door."""
    left = text[max(0, start - 40) : start]
    run = _LEFT.search(left)
    prefix = _STOP.split(run[0] if run else "")[-1]
    while inner := _INNER.match(text, end):
        end = inner.end()
    return PrivateSpan(start - len(prefix), end, "address")
