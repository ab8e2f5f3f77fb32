"""Redaction of secrets: configured ones in every usual encoding, and strings shaped like a token."""

import re
from base64 import b64encode
from collections.abc import Collection, Iterator
from urllib.parse import quote

REDACTED = "[redacted]"
SHORTEST = 8  # characters; a shorter "secret" is part of too many words

# (?<!...) lets a long run of such characters be tried once, not once a character
_SHAPES = [
    (r"(?<!\d)\d{6,}(?::|%(?:25)*3a)[\w-]{30,}", REDACTED),  # Telegram, also within a URL
    (r"(?<![\w-])(?:[\w-]{18,}\.[\w-]{5,8}\.[\w-]{25,}|mfa\.[\w-]{20,})", REDACTED),  # Discord
    (r"aW50ZXJhY3Rpb2[\w+/=-]+", REDACTED),  # "interaction" in base64: Discord's interaction tokens
    (r"((?:webhooks|interactions)(?:/|%2f)\d+(?:/|%2f))[^\s/?#%&'\"<>)]+", rf"\1{REDACTED}"),
    (
        r"(authorization['\"]?\s*[:=,]\s*(?:b?['\"])?(?:(?:bot|bearer|basic)\s+)?)[^\s'\",)}\[]+",
        rf"\1{REDACTED}",
    ),
    (r"(token['\"]?\s*[:=]\s*(?:b?['\"])?)[^\s'\",)}\[]{8,}", rf"\1{REDACTED}"),
]


class Redactor:
    """Replaces secrets in text, in time linear in the text."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        exact = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        shapes = [(exact, REDACTED)] * bool(exact) + _SHAPES
        self._rules = [(re.compile(shape, re.ASCII | re.IGNORECASE), instead) for shape, instead in shapes]

    def __call__(self, text: str) -> str:
        """Return the text with `[redacted]` in place of every secret."""
        for rule, instead in self._rules:
            text = rule.sub(instead, text)
        return text


def _forms(secret: str) -> Iterator[str]:
    """Yield the encodings of a secret and of its long pieces; a token has public and secret pieces."""
    for piece in (secret, *(piece for piece in re.split("[:.]", secret) if len(piece) >= 20)):
        yield piece
        yield quote(piece, safe="")
        yield quote(quote(piece, safe=""), safe="")
        for lead in range(3):
            form = _base64(piece.encode("utf-8", "surrogatepass"), lead)
            yield form
            yield form.replace("+", "-").replace("/", "_")


def _base64(secret: bytes, lead: int) -> str:
    """Return the part of the base64 that every text with the secret behind `lead` bytes (modulo 3) shares."""
    encoded = b64encode(bytes(lead) + secret).decode("ascii")
    end = (lead + len(secret)) * 8 // 6  # characters made of nothing but the bytes so far
    return encoded[(lead * 8 + 5) // 6 : end]
