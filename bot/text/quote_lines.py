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
