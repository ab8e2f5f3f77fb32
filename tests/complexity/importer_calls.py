"""How each reader of an export's words is tried, where it wants more than a text."""

from collections.abc import Callable

from training.importers.assistants.chatgpt.messages import read_turn as chatgpt_turn
from training.importers.assistants.claude import read_turn as claude_turn
from training.importers.chats.telegram.text import rich_text
from training.importers.reading.import_log import ImportLog
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
    "training.importers.assistants.chatgpt.messages.read_turn": lambda text: chatgpt_turn(
        "1",
        {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": [text, *text]}},
        0.0,
        ImportLog(),
    ),
    "training.importers.assistants.claude.read_turn": lambda text: claude_turn(
        {"sender": "human", "content": [{"type": sign, "text": sign} for sign in text]},
        0.0,
        MessageIds(),
        ImportLog(),
    ),
    "training.importers.chats.telegram.text.rich_text": lambda text: rich_text(
        {"blocks": [{"text": [sign, {"text": sign}]} for sign in text]}
    ),
}
