"""Texts as Telegram takes them: plain, counted in its units, and calling nobody."""

import unicodedata

from bot.text.splitting import utf16_length

MAX_MESSAGE = 4096  # UTF-16 units in a message (Bot API, sendMessage)
_DEFUSED = "@\u2060"  # the word joiner is seen by nobody, and behind an @ it makes a mention plain text
_BLANK = "\u2800\u3164\u115f\u1160\uffa0\ufffc"  # letters to Unicode, and nothing to see


def sanitize(text: str) -> str:
    """The text as it is sent: valid Unicode, something to see, and no mention in it."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("@", _DEFUSED) if _is_visible(text) else "…"


def telegram_length(text: str) -> int:
    """The length that a text has when it is sent."""
    return utf16_length(text) + text.count("@")


def name_line(name: str) -> str:
    """Who speaks, as the line before what they say; empty for a name that nobody could see."""
    line = " ".join(name.split())
    return f"{sanitize(line)}\n" if _is_visible(line) else ""


def _is_visible(text: str) -> bool:
    return any(unicodedata.category(c)[0] not in "CZ" and c not in _BLANK for c in text)
