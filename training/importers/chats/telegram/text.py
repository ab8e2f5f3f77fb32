"""The text, the privacy labels and the media of a Telegram message."""

from training.importers.chats.telegram.records import TelegramEntity, TelegramMessage
from training.importers.reading.normalise import clean_text
from training.store.messages import Kind, Label

_LABELS = {"phone", "email", "bank_card", "mention", "mention_name"}
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


def message_media(message: TelegramMessage) -> tuple[Kind, tuple[str, ...]]:
    """Return the kind of message and its file; a sentence in brackets replaces a file that was left out."""
    path = message.photo or message.file
    if path or message.media_type:
        kind: Kind = "image" if message.photo else _MEDIA.get(message.media_type or "", "file")
        return kind, (path,) if path and path[0] != "(" else ()
    others = message.poll or message.contact_information or message.location_information or message.place_name
    if others or message.todo_list or message.game_title or message.invoice_information:
        return "other", ()
    return "text", ()
