"""The addresses in the fields of a mail (RFC 5322). A name may look like another person's address."""

import re

from training.importers.reading.normalise import clean_text
from training.importers.texts.mail.headers import Headers, decode_words

_ADDRESS = re.compile(r"[^\s<>\"(),:;@\[\]]{1,64}+@[^\s<>\"(),:;@\[\]]{1,255}+")
_NO_ADDRESS = re.compile(r"\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|\([^()<>]*+\)", re.DOTALL)  # names and comments
_ANGLE = re.compile(r"<([^<>]*+)>")
_LONGEST = 4_000  # characters


def author_of(headers: Headers) -> tuple[str, str]:
    """Return the address in lower case, and the name. Google Groups puts its own address before others'."""
    raw = (headers.raw("x-original-from") or headers.raw("from"))[:_LONGEST]
    bare = _outside_names(raw)
    angles = [found for found in _ANGLE.finditer(bare) if _ADDRESS.search(found[1])]
    found = angles[-1] if angles else _ADDRESS.search(bare) or _ADDRESS.search(raw)
    if found is None:
        return "", ""
    address = _ADDRESS.search(found[0])
    before = raw[: found.start()].strip().removesuffix("<")
    after = raw[found.end() :].strip().removeprefix(">").strip()
    name = before if before.strip() else after.strip("()")
    return clean_text(address[0].lower() if address else ""), clean_text(decode_words(name).strip(" \"'"))


def addresses_of(field: str) -> list[str]:
    """Return the addresses of a list of people, in lower case."""
    return [address.lower() for address in _ADDRESS.findall(_outside_names(field[:_LONGEST]))]


def _outside_names(field: str) -> str:
    """Return a field with blanks in the place of quoted names and comments."""
    return _NO_ADDRESS.sub(lambda found: " " * len(found[0]), field)
