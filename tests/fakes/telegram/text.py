"""Text as Telegram sees it: measured in UTF-16 units, cleaned, and with what it finds in it by itself."""

import re
from itertools import pairwise
from typing import Any

Json = dict[str, Any]
LIMIT, CAPTION_LIMIT = 4096, 1024

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_DROPPED = re.compile("[\r\u2028-\u202e]")
_OPAQUE = {"code", "pre", "text_link", "text_mention"}
_FOUND = {
    "url": r"(?<![\w@.])(?:https?://[^\s<>\"]+[^\s<>\".,;:!?)\]']|(?:[\w-]+\.)+(?:com|org|net|me|io|dev)\b(?:/\S*)?)",
    "email": r"(?<![\w.+-])[A-Za-z0-9_.+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b",
    "bot_command": r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>])",
    "mention": r"(?<!\w)@[A-Za-z0-9_]{3,32}(?!\w)",
    "hashtag": r"(?<!\w)#\w*[^\W\d]\w*",
}


def units(text: str) -> int:
    """The length that Telegram counts: UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def part(text: str, entity: Json) -> str:
    """Return the text of an entity."""
    start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
    return text.encode("utf-16-le", "surrogatepass")[start:end].decode("utf-16-le", "surrogatepass")


def clean(text: str) -> str:
    """Control characters become spaces, direction marks go: tdlib's clean_input_string."""
    return _CONTROL.sub(" ", _DROPPED.sub("", text))


def trim(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Cut white space at both ends and move the entities with the text."""
    cut, kept = units(text) - units(text.lstrip()), text.strip()
    size, moved = units(kept), []
    for entity in entities:
        start = max(0, entity["offset"] - cut)
        end = min(size, entity["offset"] - cut + entity["length"])
        if end > start:
            moved.append({**entity, "offset": start, "length": end - start})
    return kept, moved


def detect(text: str, given: list[Json]) -> list[Json]:
    """The given entities, and what Telegram finds by itself outside of code and links, by offset."""
    taken = [(e["offset"], e["offset"] + e["length"]) for e in given if e["type"] in _OPAQUE]
    found = []
    for kind, pattern in _FOUND.items():
        for match in re.finditer(pattern, text):
            start, length = units(text[: match.start()]), units(match[0])
            if all(start + length <= low or start >= high for low, high in taken):
                taken.append((start, start + length))
                found.append({"type": kind, "offset": start, "length": length})
    return sorted([*given, *found], key=lambda e: (e["offset"], -e["length"]))


def usernames(text: str, entities: list[Json]) -> set[str]:
    """The usernames mentioned, in lower case and without the @."""
    return {part(text, e)[1:].lower() for e in entities if e["type"] == "mention"}


def overlap(entities: list[Json]) -> bool:
    """Whether two entities cross, which neither contains the other."""
    ordered = sorted(entities, key=lambda e: (e["offset"], -e["length"]))
    return any(
        b["offset"] < a["offset"] + a["length"] < b["offset"] + b["length"] for a, b in pairwise(ordered)
    )
