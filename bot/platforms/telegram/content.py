"""The content of a Telegram message in words: its text or caption, and what came with it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.text.one_line import one_line

LONGEST_NAME, LONGEST_TEXT = 100, 300  # characters of a name, and of a question or an address
MAX_ITEMS = 32  # options of a poll, or tasks of a checklist
_MAX_DEPTH = 16  # of rich text (Bot API 10.1, RichMessage)
# entities, blocks and rich texts in which a name calls nobody: Telegram takes the marks off code and quotes
UNSPOKEN = frozenset(
    "code pre blockquote expandable_blockquote pullquote text_link url email email_address hashtag cashtag "
    "phone_number custom_emoji".split()
)
# fields of blocks and rich texts that hold words, and what stands between the words of several
_RICH_KEYS = {
    **dict.fromkeys(("summary", "label", "text", "alternative_text", "expression"), ""),
    **dict.fromkeys(("blocks", "items", "cells"), "\n"),
    "caption": "",
}
# kinds that nobody here can look at or listen to; an animation is also a document
_UNREAD = {
    "photo": "picture",
    "live_photo": "picture",
    "video": "video",
    "animation": "animation",
    "video_note": "video message",
    "voice": "voice message",
    "audio": "audio",
    "document": "file",
    "paid_media": "picture",
    "story": "story",
}


def content_words(wire: Mapping[str, Any]) -> str:
    """Return a message's words: a name for what came with it, and its text or caption."""
    written = _text(wire, "text") or _text(wire, "caption")
    parts = [media_name(wire), written or rich_words(wire)]
    return " ".join(filter(None, parts))


def media_name(wire: Mapping[str, Any]) -> str:
    """Return the name of what came with a message; empty where nothing did."""
    return next(_media(wire), "")


def has_unread(wire: Mapping[str, Any]) -> bool:
    """Return whether a message came with something that nobody here can look at or listen to."""
    return any(kind in wire for kind in _UNREAD)


def _media(wire: Mapping[str, Any]) -> Iterator[str]:
    """Yield the name of what came with a message; a venue is also a location."""
    kind = next((kind for kind in _UNREAD if kind in wire), "")
    if kind:
        yield _named(_UNREAD[kind], _details(wire[kind]))
    for kind, describe in _DESCRIBED.items():
        if isinstance(found := wire.get(kind), Mapping):
            yield describe(found)


def _details(media: Any) -> str:
    """Return a file's own name, and the length of a recording."""
    if not isinstance(media, Mapping):
        return ""
    named = [_text(media, key) for key in ("performer", "title", "file_name")]
    seconds = media.get("duration")
    if not any(named[:2]) and isinstance(seconds, int):
        named.append(f"{seconds} s")
    return " – ".join(filter(None, named[:2])) or ", ".join(filter(None, named[2:]))


def _named(word: str, details: str) -> str:
    return f"[{word}: {one_line(details, LONGEST_NAME)}]" if details else f"[{word}]"


def _place(media: Mapping[str, Any]) -> str:
    latitude, longitude = media.get("latitude"), media.get("longitude")
    known = isinstance(latitude, int | float) and isinstance(longitude, int | float)
    return f"[location: {latitude:.5f}, {longitude:.5f}]" if known else "[location]"


def _list(word: str, head: str, items: Any) -> str:
    """Return a poll or a checklist: its head, and the texts of its items."""
    items = items[:MAX_ITEMS] if isinstance(items, list) else []
    texts = [_text(item, "text") for item in items if isinstance(item, Mapping)]
    shown = [one_line(head, LONGEST_TEXT), *(one_line(text, LONGEST_NAME) for text in texts)]
    return _named_list(word, [text for text in shown if text])


def _named_list(word: str, shown: list[str]) -> str:
    return f"[{word}: {' | '.join(shown)}]" if shown else f"[{word}]"


def _person(media: Mapping[str, Any]) -> str:
    """Return a contact's name; numbers and addresses of a contact are nobody else's business."""
    return " ".join(filter(None, (_text(media, "first_name"), _text(media, "last_name"))))


_DESCRIBED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "sticker": lambda media: _named("sticker", _text(media, "emoji")),
    "dice": lambda media: _named(_text(media, "emoji") or "dice", str(media.get("value") or "")),
    "venue": lambda media: _named(
        "place", ", ".join(filter(None, (_text(media, "title"), _text(media, "address"))))
    ),
    "location": _place,
    "contact": lambda media: _named("contact", _person(media)),
    "poll": lambda media: _list("poll", _text(media, "question"), media.get("options")),
    "checklist": lambda media: _list("checklist", _text(media, "title"), media.get("tasks")),
    "game": lambda media: _named("game", _text(media, "title")),
}


def rich_words(wire: Mapping[str, Any], without: frozenset[str] = frozenset()) -> str:
    """Return the words of a rich message, a line for each block, those of some types left out."""
    message = wire.get("rich_message")
    left_out = without | {"thinking"}
    return _rich_text(message.get("blocks"), "\n", 0, left_out) if isinstance(message, Mapping) else ""


def _rich_text(value: Any, joint: str, depth: int, left_out: frozenset[str]) -> str:
    """Return the words of blocks or of a rich text, whatever marks they have; `joint` stands between them."""
    if isinstance(value, str) or depth > _MAX_DEPTH:
        return value if isinstance(value, str) else ""
    if isinstance(value, list):
        return joint.join(filter(None, (_rich_text(each, joint, depth + 1, left_out) for each in value)))
    if not isinstance(value, Mapping) or str(value.get("type")) in left_out:
        return ""
    keys = ((key, joint) for key, joint in _RICH_KEYS.items() if key in value)
    return " ".join(filter(None, (_rich_text(value[key], by, depth + 1, left_out) for key, by in keys)))


def _text(media: Mapping[str, Any], key: str) -> str:
    value = media.get(key)
    return value if isinstance(value, str) else ""
