"""Places by number: coordinates, Open Location Codes, and three words behind slashes."""

import re
from collections.abc import Iterator

from training.scrub.detectors.span import PrivateSpan

_LATITUDE, _LONGITUDE = (
    r"[+-]?(?:[0-8]?[0-9]|90)\.[0-9]{3,15}",
    r"[+-]?(?:1[0-7][0-9]|[0-9]{1,2}|180)\.[0-9]{3,15}",
)
_MINUTES = r"[0-9]{1,2}(?:\.[0-9]{1,6})?\s?['’′]\s?(?:[0-9]{1,2}(?:\.[0-9]{1,6})?\s?(?:[\"”″]|''))?"
_NAMED = re.compile(
    r"(?:\blat(?:itude?|itud)?|\bbreite|широта|北纬|北緯|纬度)[\"']?\s?[:=：]?\s?[+-]?[0-9]{1,2}[.,][0-9]{2,15}°?"
    r"[,;&\s，；]{1,4}[\"']?(?:lon(?:g|gitude?|gitud)?|lng|länge|долгота|东经|東經|东經|经度)[\"']?\s?[:=：]?\s?"
    r"[+-]?[0-9]{1,3}[.,][0-9]{2,15}",
    re.I,
)
_LABELLED = re.compile(
    r"(?:\bgeo:|\blat(?:itude)?[:=]? ?)[+-]?[0-9]{1,2}\.[0-9]{1,15}[,; ]{1,2}(?:(?:lon|lng|long"
    r"|longitude)[:=]? ?)?"
    r"[+-]?[0-9]{1,3}\.[0-9]{1,15}",
    re.I,
)
_SAYS = re.compile(
    r"(?:coord|\bgps|\blat|location|\bpin\b|\bmaps?\b|koordinat|coorden|坐标|座標)[^\n]{0,30}$", re.I
)
_EXACT = re.compile(
    r"(?<![0-9])[+-]?(?=0*+[1-9])[0-9]++\.[0-9]{4,15}+\s?[,;，；]\s?[+-]?[0-9]{1,3}+\.[0-9]{4,15}"
)
_MARKED = re.compile("[°NSEWO+]")
_PLACE = re.compile(
    rf"(?<![\w.+-])(?:[NS]\s?)?{_LATITUDE}\s?°?\s?[NSns]?(?:\s?[,;/，；]\s?|\s)(?:[EWO]\s?)?{_LONGITUDE}"
    r"(?:\s?°?\s?[EWew](?!\w))?(?![\w])(?!\.[0-9])"
    rf"|(?<!\w)[0-9]{{1,2}}\s?°\s?{_MINUTES}\s?[NS][,;]?\s{{0,2}}[0-9]{{1,3}}\s?°\s?{_MINUTES}\s?[EWO](?!\w)"
    r"|(?<!\w)[NS]\s?[0-9]{1,2}\s?°\s?[0-9]{1,2}\.[0-9]{2,6}\s?['’′]?,?\s{0,2}[EWO]\s?[0-9]{1,3}\s?°\s?"
    r"[0-9]{1,2}\.[0-9]{2,6}"
    r"|(?<![\w.,+-])-?[0-9]{1,2},[0-9]{3,15}(?:\s?[;/]\s?|,?\s)-?[0-9]{1,3},[0-9]{3,15}(?![\w,])"
    r"|(?<![\w+])(?:[23456789CFGHJMPQRVWX]{4}){1,2}\+[23456789CFGHJMPQRVWX]{2,7}(?![\w+])"
)
_WORDS = re.compile(
    r"(?<![\w:/])(?:///|(?:what3words|w3w)(?:[: ]{1,2}|\sis\s))"
    r"[a-zà-ÿ]{3,20}\.[a-zà-ÿ]{3,20}\.[a-zà-ÿ]{3,20}(?![\w.])"
)


def find_coordinates(text: str) -> Iterator[PrivateSpan]:
    """Yield pairs of latitude and longitude with three decimals or minutes, plus codes, three-word places."""
    if "." in text or "," in text or "°" in text or "+" in text:
        yield from (PrivateSpan(*found.span(), "address") for found in _NAMED.finditer(text))
        yield from (PrivateSpan(*found.span(), "address") for found in _LABELLED.finditer(text))
        yield from (
            PrivateSpan(*found.span(), "address") for found in _PLACE.finditer(text) if _is_place(found)
        )
        yield from (PrivateSpan(*found.span(), "address") for found in _WORDS.finditer(text))


def _is_place(found: re.Match[str]) -> bool:
    """Return whether two numbers are a place: with a sign of the compass, four decimals, or a word before."""
    if _MARKED.search(found[0]) or _EXACT.fullmatch(found[0]):
        return True
    return bool(_SAYS.search(found.string, max(0, found.start() - 40), found.start()))
