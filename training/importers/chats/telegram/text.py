"""The text, the privacy labels and the media of a Telegram message."""

from collections.abc import Iterator
from typing import Any

from training.importers.chats.telegram.records import TelegramEntity, TelegramMessage
from training.importers.reading.normalise import clean_text
from training.store.messages import Kind, Label

_LABELS = {"phone", "email", "bank_card", "mention", "mention_name"}
_OWN = ("title", "text", "caption")  # of a block of a rich message
_INSIDE = ("blocks", "items", "rows", "cells")
_MEDIA: dict[str, Kind] = {
    "sticker": "sticker",
    "video_message": "video",
    "video_file": "video",
    "animation": "video",
    "voice_message": "audio",
    "audio_file": "audio",
}


def labelled_text(parts: list[str | TelegramEntity]) -> tuple[str, tuple[Label, ...]]:
    """Return the text, and the spans that Telegram took for a phone number, an address, a card or a name."""
    texts, labels, start = list[str](), list[Label](), 0
    for part in parts:
        text = clean_text(part if isinstance(part, str) else part.text)
        if isinstance(part, TelegramEntity) and part.type in _LABELS:
            labels.append((start, start + len(text), part.type.removesuffix("_name")))
        texts.append(text)
        start += len(text)
    return "".join(texts), tuple(labels)


def rich_text(message: Any) -> str:
    """Return the words of a rich message, a line for each block; parts of one line stand together."""
    blocks = message.get("blocks") if isinstance(message, dict) else None
    found = map(_block_text, blocks) if isinstance(blocks, list) else ()
    return clean_text("\n".join(filter(None, found)))


def _block_text(block: Any) -> str:
    """Return the words of a block: its own, and those of blocks, list items, rows and cells inside it."""
    if not isinstance(block, dict):
        return _inline_text(block)
    inside = [part for key in _INSIDE if isinstance(parts := block.get(key), list) for part in parts]
    own = [_inline_text(block[key]) for key in _OWN if key in block]
    return "\n".join(filter(None, [*own, *map(_block_text, _without_rows(inside))]))


def _without_rows(parts: list[Any]) -> Iterator[Any]:
    """Yield blocks; the cells of a table stand in lists, one for each row."""
    for part in parts:
        if isinstance(part, list):
            yield " ".join(filter(None, map(_block_text, part)))
        else:
            yield part


def _inline_text(part: Any) -> str:
    """Return a text that is whole, a list of parts, or a part with a format around its text."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "".join(map(_inline_text, part))
    if isinstance(part, dict):
        return _inline_text(part.get("text") or part.get("texts") or "")
    return ""


def message_media(message: TelegramMessage) -> tuple[Kind, tuple[str, ...]]:
    """Return the kind of message and its file; a sentence in brackets replaces a file that was left out."""
    path = message.photo or message.file
    if path or message.media_type:
        kind: Kind = "image" if message.photo else _MEDIA.get(message.media_type or "", "file")
        return kind, (path,) if path and path[0] != "(" else ()
    others = message.giveaway_information or message.giveaway_results or message.paid_stars_amount
    others = (
        others
        or message.poll
        or message.contact_information
        or message.location_information
        or message.place_name
    )
    if others or message.todo_list or message.game_title or message.invoice_information:
        return "other", ()
    return "text", ()
