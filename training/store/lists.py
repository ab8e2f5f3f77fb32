"""The lists that a person writes in work/, one entry a line."""

from collections.abc import Sequence
from pathlib import Path

from bot.errors import UserError

CONSENT, WORDS, KEEP, OPT_OUTS = "consent.txt", "words.txt", "keep.txt", "optouts.txt"


def read_list(path: Path) -> Sequence[str]:
    """Return the entries of a list, one a line, without comments (#); no file means no entries."""
    try:
        text = path.read_text("utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): write one entry a line, in UTF-8.") from None
    return [line for row in text.splitlines() if (line := row.partition("#")[0].strip())]
