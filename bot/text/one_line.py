"""Texts of strangers on one line."""


def one_line(text: str, longest: int) -> str:
    """Return a text on one line, of at most `longest` characters; blanks run together."""
    words = " ".join(text[: 4 * longest].split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"
