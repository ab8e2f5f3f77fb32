"""Persona names as Discord accepts them for webhooks."""

import re
import unicodedata

_MAX_CHARACTERS = 80  # characters
_REFUSED = re.compile("(dis(?=cord)|cly(?=de))", re.IGNORECASE)  # also not as part of a word
_RESERVED = ("everyone", "here")
_MARKS = str.maketrans("", "", "@#:`")


def webhook_name(name: str) -> str:
    """Return the nearest name that Discord allows: 1 to 80 characters, without refused words.

    Rules: https://docs.discord.com/developers/resources/webhook and .../resources/user.
    """
    kept = _clean(name)
    plain = _clean(unicodedata.normalize("NFKC", name))
    if _REFUSED.search(plain):
        kept = _REFUSED.sub(r"\1·", plain)
    kept = kept[:_MAX_CHARACTERS].strip()
    if unicodedata.normalize("NFKC", kept).casefold() in _RESERVED:
        kept += "·"
    return kept or "Persona"


def _clean(name: str) -> str:
    """Return the name as one line, without control characters and without characters of mentions."""
    shown = ("" if unicodedata.category(c)[0] == "C" and not c.isspace() else c for c in name)
    return " ".join("".join(shown).translate(_MARKS).split())
