"""Lines of prompts that quote a message. A model that writes one repeats the form of what it read."""

REPLY, FORWARD = "[In reply to ", "[Forwarded"
_OPENINGS = (REPLY, f"{FORWARD} from ", f"{FORWARD}: ")


def begins_quote(text: str, at: int) -> bool | None:
    """Return whether a quote begins at an index; None where the text must grow before that is decided."""
    for opening in _OPENINGS:
        part = text[at : at + len(opening)]
        if part == opening:
            return True
        if len(part) < len(opening) and opening.startswith(part):
            return None
    return False


def quote_end(line: str) -> int | None:
    """Return where the words behind a quote begin in a line of it; None where the quote may go on.

    The quote ends with its line where that ends with a bracket, unless what stands behind the quote's own
    bracket has brackets of its own.
    """
    words = line.rstrip()
    ends = [at for at, sign in enumerate(words, 1) if sign == "]"]
    own = _matching_end(words) or next((at for at in ends if words[at : at + 1].isspace()), None)
    if words.endswith("]") and (own is None or words.count("]", own) > words.count("[", own)):
        own = len(words)
    if own is None:
        return None
    return len(line) if own == len(words) else len(line) - len(line[own:].lstrip())


def _matching_end(words: str) -> int | None:
    """Return the place behind the bracket that closes the first one."""
    depth = 0
    for at, sign in enumerate(words, 1):
        depth += (sign == "[") - (sign == "]")
        if sign == "]" and depth == 0:
            return at
    return None
