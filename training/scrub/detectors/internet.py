"""E-mail addresses, links, and IP and MAC addresses."""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from training.scrub.detectors.span import PrivateSpan

_LOCAL = r"A-Za-z0-9._%+\-À-ɏͰ-ӿ"  # Latin, Greek and Cyrillic letters
_EMAIL = re.compile(
    rf"(?<![{_LOCAL}])[{_LOCAL}]++@(?:[A-Za-z0-9-]++\.)+[A-Za-z]{{2,24}}(?![A-Za-z0-9-])"
    rf"|(?<![{_LOCAL}])[{_LOCAL}]++ @ (?:[A-Za-z0-9-]++\.)+(?:com|net|org|edu|de|cn|fr|es|uk|jp|kr|ru"
    rf"|io)(?![A-Za-z0-9-])"
)
_AT, _DOT = r"\s?[\[(]\s?at\s?[\])]\s?", r"(?:\s?[\[(]\s?dot\s?[\])]\s?|\sdot\s)"
_SPELT = re.compile(
    rf"(?<![{_LOCAL}])[{_LOCAL}]++(?:{_AT}[A-Za-z0-9-]{{1,63}}(?:(?:{_DOT}|\.)[A-Za-z0-9-]{{1,63}}){{1,4}}"
    rf"|\sat\s[A-Za-z0-9-]{{1,63}}(?:{_DOT}[A-Za-z0-9-]{{1,63}}){{1,4}})",
    re.IGNORECASE,
)
_WORDED = re.compile(  # "mara arroba correo punto es"
    rf"(?<![{_LOCAL}])[{_LOCAL}]{{1,64}}+(?:\s(?:punkt|punto|ponto|point|точка)\s[{_LOCAL}]{{1,64}}+)?+"
    rf"\s(?:arroba|arobase|chiocciola|klammeraffe|ät|собака)\s[A-Za-z0-9-]{{1,63}}+"
    rf"(?:\s(?:punkt|punto|ponto|point|точка)\s[A-Za-z0-9-]{{1,63}}+){{1,3}}+"
    rf"|(?<![{_LOCAL}])[{_LOCAL}]{{1,64}}+@[A-Za-z0-9-]{{1,63}}+\s(?:dot|punkt|punto|ponto|point|точка)"
    rf"\s[A-Za-z]{{2,24}}(?!\w)",
    re.IGNORECASE,
)
_AT_WORDS = ("@", "arroba", "arobase", "chiocciola", "klammeraffe", " ät ", "собака")
_REST = r"[^\s<>\"“”‘’「」『』【】《》，。！？；：、（）…\u2e80-\u9fff\uac00-\ud7af]"
_SAFE = "com|org|net|edu|gov|io|cn|de|fr|uk|jp|kr|br|ru|tv|gg|xyz|info|dev|example"
_WORDY = (
    "me|be|ly|in|it|is|to|at|us|ca|ch|nl|es|eu|pl|se|no|fi|dk|pt|mx|ar|au|so|sh|ai|co|id|gl|link|site"
    "|club|shop"
)
_LINK = re.compile(
    rf"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.\-]{{1,15}}://|www\.){_REST}+"
    rf"|(?<![A-Za-z0-9_.@/\\\-])(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,4}}"
    rf"(?:(?:{_SAFE})(?![A-Za-z0-9_\-])(?::[0-9]{{1,5}})?(?:/{_REST}*)?|(?:{_WORDY})/{_REST}*)",
    re.IGNORECASE,
)
_TRAIL = ".,;:!?'\"*_~)]}"
_IPV4 = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.?\w)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{3,4}:[0-9A-Fa-f:]{2,34}(?![\w:])", re.ASCII)
_MAC = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])"
    r"|(?<![\w.])(?=[0-9.]{0,12}[A-Fa-f])[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}(?![\w.])",
    re.ASCII,
)
_VERSION = re.compile(r"(?:\bv|version|release|build|python|版本号?|section|chapter)\s?$", re.IGNORECASE)


def find_emails(text: str) -> Iterator[PrivateSpan]:
    """Yield addresses with an at sign, and spelt ones: "name (at) example (dot) com"."""
    if "@" in text:
        yield from (PrivateSpan(*found.span(), "email") for found in _EMAIL.finditer(text))
    lower = text.lower()
    if any(word in lower for word in _AT_WORDS):
        yield from (PrivateSpan(*found.span(), "email") for found in _WORDED.finditer(text))
    if "at" in lower and ("(" in lower or "[" in lower or " dot " in lower):
        yield from (PrivateSpan(*found.span(), "email") for found in _SPELT.finditer(text))


def find_links(text: str) -> Iterator[PrivateSpan]:
    """Yield texts with a scheme or "www." and bare host names under well-known top-level domains.

    Domains that are also words ("see you.in a bit") count only with a path behind them.
    """
    if "." not in text and "://" not in text:
        return
    for found in _LINK.finditer(text):
        yield PrivateSpan(found.start(), found.start() + len(_trimmed(found[0])), "link")


def _trimmed(link: str) -> str:
    """The link without the sentence's punctuation; a closing bracket stays if the link opens one."""
    spare = link.count(")") - link.count("(")
    end = len(link)
    while end and link[end - 1] in _TRAIL:
        if link[end - 1] == ")":
            if spare <= 0:
                break
            spare -= 1
        end -= 1
    return link[:end]


def find_network_addresses(text: str) -> Iterator[PrivateSpan]:
    """Yield IPv4, IPv6 and MAC addresses; no versions ("v1.2.3.4") and no loopback (127.0.0.1)."""
    if text.count(".") > 2:
        yield from (_machine(found) for found in _IPV4.finditer(text) if _is_ipv4(found))
    if text.count(":") > 1:
        yield from (_machine(found) for found in _IPV6.finditer(text) if _is_ipv6(found[0]))
    if text.count(":") > 4 or text.count("-") > 4 or text.count(".") > 1:
        yield from map(_machine, _MAC.finditer(text))


def _machine(found: re.Match[str]) -> PrivateSpan:
    return PrivateSpan(*found.span(), "machine")


def _is_ipv4(found: re.Match[str]) -> bool:
    try:
        address = IPv4Address(found[0])
    except AddressValueError:
        return False
    before = found.string[max(0, found.start() - 12) : found.start()]
    return not (address.is_loopback or address.is_unspecified or _VERSION.search(before))


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
