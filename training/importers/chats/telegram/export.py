"""Telegram Desktop's result.json: one chat ("Export chat history") or all of them ("Export Telegram data").

Source: telegramdesktop/tdesktop, export_output_json.cpp, seen at commit 929032d.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from bot.errors import UserError
from training.importers.chats.telegram.chat import TelegramChat
from training.importers.chats.telegram.records import TelegramMessage, peer_id
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import clean_text
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Telegram"
GUIDE = Guide(
    steps=(
        "In Telegram Desktop: ⋮ > Export chat history for one chat, or Settings > Advanced > Export "
        "Telegram data for all. Choose Machine-readable JSON as the format."
    ),
    reads="It reads chats, groups, channels and saved messages with replies, forum topics and edits.",
    leaves_out=(
        "Service messages, chats with bots, messages by way of bots, verification codes and the words of "
        "forwarded messages are left out."
    ),
    marks=("messages", "type", "id", "from_id", "date_unixtime", "text_entities"),
)
ADVICE = "In Telegram Desktop choose Export chat history, and JSON as the format"
_KINDS: dict[str, ChatKind] = {
    "personal_chat": "direct",
    "private_group": "group",
    "private_supergroup": "group",
    "public_supergroup": "group",
    "private_channel": "channel",
    "public_channel": "channel",
    "saved_messages": "timeline",
    "replies": "group",
}
_UNNAMED = {"saved_messages": "Saved Messages", "replies": "Replies"}
_SKIPPED_CHATS = {"bot_chat": "chats with bots", "verification_codes": "chats of verification codes"}


def recognises(head: FileHead) -> bool:
    if head.has("personal_information.user_id") or head.has("chats.list[].messages"):
        return True
    known = {f"messages[].{key}" for key in ("from_id", "date_unixtime", "actor_id", "text_entities", "text")}
    is_chat = head.has("type", "id", "messages") and not head.has("guild")
    return is_chat and (bool(known & head.keys) or any(f'"{kind}"' in head.text[:999] for kind in _KINDS))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        document = JsonReader(source)
        yield from _chat(document, source, log, me="")
        if not document.at_end():
            raise UserError(f"{source} goes on behind its end: export it again.")
        log.skip("unreadable", document.unreadable)


def _chat(document: JsonReader, source: Source, log: ImportLog, me: str) -> Iterator[ExportedMessage]:
    """Read a chat or the whole export: both are objects, distinguished by their keys."""
    fields: dict[str, Any] = {}
    for key in document.members():
        if key in ("name", "type", "id"):
            fields[key] = document.value(object)
        elif key == "personal_information":
            me = peer_id(document.value(dict[str, Any]).get("user_id"))
        elif key in ("chats", "left_chats"):
            yield from _chat_list(document, source, log, me)
        elif key == "messages":
            yield from _messages(document, source, log, fields, me)


def _chat_list(document: JsonReader, source: Source, log: ImportLog, me: str) -> Iterator[ExportedMessage]:
    for key in document.members():
        if key == "list":
            for _ in document.items():
                yield from _chat(document, source, log, me)


def _messages(
    document: JsonReader, source: Source, log: ImportLog, fields: dict[str, Any], me: str
) -> Iterator[ExportedMessage]:
    """Read a chat's messages; tdesktop writes its name, type and id before them."""
    kind, chat_id = fields.get("type"), fields.get("id")
    if not isinstance(kind, str) or not isinstance(chat_id, int | str):
        raise UserError(f"{source} has a chat without type or id: {ADVICE}.")
    if kind in _SKIPPED_CHATS:
        log.skip(_SKIPPED_CHATS[kind])
        document.skip()
        return
    partner = f"user{chat_id}" if kind == "personal_chat" and not me else ""
    name = _chat_name(fields, kind)
    chat = TelegramChat(str(chat_id), _KINDS.get(kind, "group"), name, source.label, me, partner)
    for message in document.elements(TelegramMessage):
        if message.type == "unsupported":
            log.skip("unsupported by Telegram Desktop")
        elif message.via_bot:
            log.skip("written by bots")
        else:
            try:
                yield chat.convert(message)
            except ValueError:
                log.skip("without a date")


def _chat_name(fields: dict[str, Any], kind: str) -> str:
    name = fields.get("name")
    return clean_text(name) if isinstance(name, str) else _UNNAMED.get(kind, "Deleted Account")
