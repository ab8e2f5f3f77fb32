"""The mentions of people in a post: their spans, and those at its beginning that only address an answer."""

import re

from training.store.messages import Label

# a name, and the server it belongs to, as the Fediverse and Bluesky write them
_NAME = re.compile(r"(?<![\w@/.])@\w++(?:[.-]\w++)*+(?:@\w++(?:[.-]\w++)*+)?+")
_ADDRESSES = re.compile(r"\A(?:@\w++(?:[.-]\w++)*+(?:@\w++(?:[.-]\w++)*+)?+(?:\s++|\Z))++")


def without_addresses(text: str) -> str:
    """Return an answer without the people whom it names before its first word."""
    return _ADDRESSES.sub("", text)


def mention_labels(text: str) -> tuple[Label, ...]:
    """Return the spans of the names that a post mentions."""
    if "@" not in text:
        return ()
    return tuple((found.start(), found.end(), "mention") for found in _NAME.finditer(text))
