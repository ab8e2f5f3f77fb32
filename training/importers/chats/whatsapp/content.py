"""The content of a WhatsApp message: words, attachments, placeholders of left-out media, and notices."""

import re
from typing import NamedTuple

from training.importers.chats.whatsapp import phrases
from training.importers.chats.whatsapp.header import visible
from training.importers.reading.normalise import clean_text
from training.store.messages import Kind

_ATTACHED = re.compile(
    rf"<[\w ]+: ?([^<>]+)>|(\S.*\.\w{{2,5}}) \((?:{'|'.join(phrases.ATTACHED)})\)", re.IGNORECASE
)
_EXTENSIONS: dict[str, Kind] = {
    **dict.fromkeys(("jpg", "jpeg", "png"), "image"),
    **dict.fromkeys(("opus", "m4a", "mp3", "ogg", "aac"), "audio"),
    "webp": "sticker",
    "mp4": "video",
}
_PLACEHOLDERS: tuple[tuple[frozenset[str], Kind], ...] = (
    (phrases.OMITTED, "file"),
    (phrases.IMAGE, "image"),
    (phrases.VIDEO, "video"),
    (phrases.AUDIO, "audio"),
    (phrases.STICKER, "sticker"),
    (phrases.FILE, "file"),
)


class MessageContent(NamedTuple):
    text: str
    kind: Kind
    media: tuple[str, ...]
    edited: bool


def parse_content(raw: str) -> MessageContent:
    """Split the lines of a message into its words and its attachment; an attachment's caption is its text."""
    text = clean_text(visible(raw)).strip()
    edited = False
    for suffix in phrases.EDITED:
        if text.lower().endswith(suffix):
            text, edited = text[: -len(suffix)].rstrip(), True
    first, _, caption = text.partition("\n")
    if attached := _ATTACHED.fullmatch(first.strip()):
        name = (attached[1] or attached[2]).strip()
        kind = _EXTENSIONS.get(name.rpartition(".")[2].lower(), "file")
        return MessageContent(caption.strip(), kind, (name,), edited)
    if placeholder := _placeholder(text.lower()):
        return MessageContent("", placeholder, (), edited)
    return MessageContent(text, "text", (), edited)


def _placeholder(text: str) -> Kind | None:
    """The kind of media that a placeholder stands for; a view-once message is empty."""
    if not text:
        return "other"
    phrase = text.strip("<>") if text not in phrases.OMITTED else text
    return next((kind for known, kind in _PLACEHOLDERS if phrase in known), None)


def is_deleted(text: str) -> bool:
    """Return True for the placeholder of a message that its author deleted."""
    return text.lower().rstrip(".") in phrases.DELETED


def is_notice(raw: str) -> bool:
    """Return True if WhatsApp wrote this text, although an author's name may stand before it."""
    text = clean_text(visible(raw)).strip()
    if text.lower().startswith(tuple(phrases.NOTICES)):
        return True
    if not raw.startswith("\u200e"):
        return False
    is_known = parse_content(raw).kind != "text" or is_deleted(text)
    return not is_known and not re.match(r"[A-Z]+:|\w+: https?://", text)
