"""Texts as Telegram accepts them: plain, counted in UTF-16 units, without mentions."""

import unicodedata

from bot.text.splitting import utf16_length

MAX_MESSAGE = 4096  # UTF-16 units in a message (Bot API, sendMessage)
_NO_MENTION = "@\u2060"  # the invisible word joiner behind an @ makes a mention plain text
_BLANK = "\u2800\u3164\u115f\u1160\uffa0\ufffc"  # letters in Unicode without a visible glyph


def sanitize(text: str) -> str:
    """Return the text as sent: valid Unicode, with a visible character, without mentions."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("@", _NO_MENTION) if _is_visible(text) else "…"


def telegram_length(text: str) -> int:
    """Return the length of the sanitized text in UTF-16 units."""
    return utf16_length(text) + text.count("@")


def name_line(name: str) -> str:
    """Return the line with a persona's name; empty for a name without a visible character."""
    line = " ".join(name.split())
    return f"{sanitize(line)}\n" if _is_visible(line) else ""


def _is_visible(text: str) -> bool:
    return any(unicodedata.category(c)[0] not in "CZ" and c not in _BLANK for c in text)
