"""How each reader of an export's words is tried, where it wants more than a text."""

from collections.abc import Callable

from training.importers.chats.telegram.text import rich_text
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.phrases import open_phrase_book

IMPORTER_CALLS: dict[str, Callable[[str], object]] = {
    "training.importers.reading.message_ids.MessageIds.derive": lambda text: [
        ids.derive("quay", sign) for ids in [MessageIds()] for sign in text
    ],
    "training.importers.reading.message_ids.MessageIds.choose": lambda text: MessageIds().choose(
        "0", "quay", 0.0, text
    ),
    "training.importers.reading.phrases.PhraseBook.find": lambda text: [
        open_phrase_book(platform).find(text, text[:4]) for platform in ("whatsapp", "line", "meta")
    ],
    "training.importers.chats.telegram.text.rich_text": lambda text: rich_text(
        {"blocks": [{"text": [sign, {"text": sign}]} for sign in text]}
    ),
}
