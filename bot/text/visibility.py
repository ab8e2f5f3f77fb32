"""Characters that show nothing. A text of such characters alone is an empty text, on every platform."""

import re
import unicodedata

# ignorable by default (Unicode, Default_Ignorable_Code_Point), and letters and signs without a visible glyph
_SHOWS_NOTHING = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def is_visible(text: str) -> bool:
    """Return whether a reader sees anything of the text: a character that is no blank and shows a glyph."""
    return any(map(_shows, text))


def _shows(character: str) -> bool:
    """Return whether a character shows. Those that this Unicode version does not know do: they are newer."""
    category = unicodedata.category(character)
    return category[0] != "Z" and category not in ("Cc", "Cf", "Cs") and not _SHOWS_NOTHING.match(character)
