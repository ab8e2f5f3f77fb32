"""Text as Telegram sees it: measured in UTF-16 units, cleaned, and with what it finds in it by itself."""

import re
from itertools import pairwise
from typing import Any

Json = dict[str, Any]
LIMIT, CAPTION_LIMIT = 4096, 1024

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
MAX_ENTITIES = 100  # given ones; the server keeps no more
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


def cleaned(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Clean a text and move its entities: tdlib's clean_input_string_with_entities."""
    gone = [units(text[: found.start()]) for found in _DROPPED.finditer(text)]

    def moved(at: int) -> int:
        return at - sum(dropped < at for dropped in gone)

    return clean(text), [
        {**e, "offset": moved(e["offset"]), "length": moved(e["offset"] + e["length"]) - moved(e["offset"])}
        for e in entities
    ]


def trim(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Cut blanks off the text's end, off each entity's begin, and off the text's begin before entities.

    Entities of blanks alone go: tdlib's remove_invalid_entities and the end of fix_formatted_text.
    """
    text = text.rstrip(" \n")
    size, kept = units(text), []
    for entity in entities:
        inner = part(text, entity)
        start = entity["offset"] + len(inner) - len(inner.lstrip(" \n"))
        end = min(size, entity["offset"] + entity["length"])
        if inner.strip(" \n") and end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    cut = min([len(text) - len(text.lstrip(" \n")), *(e["offset"] for e in kept)])
    return text[cut:], [{**e, "offset": e["offset"] - cut} for e in kept]


def without_formats_in_code(entities: list[Json]) -> list[Json]:
    """Formats that lie in code go: tdlib's split_entities."""
    code = [(e["offset"], e["offset"] + e["length"]) for e in entities if e["type"] in ("code", "pre")]
    return [
        e
        for e in entities
        if e["type"] in ("code", "pre")
        or not any(low <= e["offset"] and e["offset"] + e["length"] <= high for low, high in code)
    ]


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
