"""Claude's export of one's data: conversations.json, a list, or a file for each conversation.

Keys as in nexus-ai-chat-importer (issues 72, 73), osaurus (PR 2650) and public readers that were written from
real exports, seen in November 2026; no full export was seen. Since 2026-08 the download begins with an index
whose `data_files` name the zips, and messages name their parent: an edited question begins a branch, and the
newest message ends the one that was shown last. `content` is a list of blocks, and in a few exports that list
as a text; older exports have `text` only, which else repeats the blocks with placeholders.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from bot.errors import UserError
from training.importers.reading.assistant_turns import (
    OTHER_BRANCHES,
    UNKNOWN_SIDE,
    Conversation,
    Turn,
    read_names,
    read_objects,
    read_text,
    read_time,
    turn_message,
)
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds, is_id
from training.importers.reading.normalise import derived_id
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Claude"
GUIDE = Guide(
    steps="Settings > Privacy > Export data, then the link in the mail.",
    reads="It reads your turns, and the answers as what they answer.",
    leaves_out=(
        "Left out are branches that were left, pasted and attached texts, thoughts, tools, memories, "
        "projects."
    ),
    marks=("chat_messages", "sender", "created_at", "uuid"),
)
_SIDES = {"human": True, "assistant": False}
_BLOCKS: dict[str, RecordKind | None] = {
    "text": "words",
    "image": "image",
    **dict.fromkeys(("document", "file"), "file"),
    **dict.fromkeys(("thinking", "redacted_thinking", "tool_use", "tool_result", "flag"), "notice"),
    **dict.fromkeys(("injected_prompt_block", "token_budget", "summaries"), "notice"),
}


class ClaudeConversation(Struct, gc=False):
    """A conversation with its messages in the order in which they were written."""

    uuid: str | None = None
    name: str | None = None
    created_at: Any = None
    chat_messages: list[Any] = field(default_factory=list)


def recognises(head: FileHead) -> bool:
    return head.has("[].chat_messages", "[].uuid") or head.has("chat_messages", "uuid") or _is_index(head)


def _is_index(head: FileHead) -> bool:
    return head.has("data_files[].export_url")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    indices = [source for source in sources if _is_index(sniff_head(source))]
    if len(indices) == len(sources):
        raise UserError(
            f"{indices[0]} only says where the parts of Claude's export lie: download the zips that it names "
            "(conversations-000.zip), and import those."
        )
    for source in (source for source in sources if source not in indices):
        document = JsonReader(source)
        while not document.at_end():
            if document.first() == b"[":
                for conversation in document.elements(ClaudeConversation):
                    yield from _messages(conversation, source, log)
            else:
                yield from _messages(document.value(ClaudeConversation), source, log)
        log.skip("unreadable", document.unreadable)


def _messages(found: ClaudeConversation, source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    messages = read_objects(found.chat_messages)
    log.skip("unreadable", len(found.chat_messages) - len(messages))
    shown = _shown_branch(messages)
    log.skip(OTHER_BRANCHES, len(messages) - len(shown))
    id = found.uuid or derived_id(found.name, found.created_at)
    conversation = Conversation("claude", read_text(id), read_text(found.name), source.label)
    time, previous, ids = read_time(found.created_at), None, MessageIds()
    for message in shown:
        time = read_time(message.get("created_at")) or time
        if turn := read_turn(message, time, ids, log):
            yield turn_message(conversation, turn, previous)
            previous = turn.id


def _shown_branch(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages from the first one to the newest one, by their parents; all where none has one."""
    known = {id: message for message in messages if (id := read_text(message.get("uuid")))}
    if not any(read_text(message.get("parent_message_uuid")) in known for message in messages):
        return messages
    way, message = dict[str, dict[str, Any]](), messages[-1:]
    while message and (id := read_text(message[0].get("uuid"))) not in way:
        way[id] = message[0]
        parent = read_text(message[0].get("parent_message_uuid"))
        message = [known[parent]] if parent in known else []
    return list(reversed(way.values()))


def read_turn(message: dict[str, Any], time: float, ids: MessageIds, log: ImportLog) -> Turn | None:
    """Return a message as a turn; None, counted in the log, for one without anything that was said."""
    is_person = _SIDES.get(read_text(message.get("sender")))
    if is_person is None:
        log.skip(UNKNOWN_SIDE)
        return None
    text, record, unknown = _read_content(message)
    files = [*read_objects(message.get("attachments")), *read_objects(message.get("files"))]
    names = read_names(files, "file_name")
    if record in ("words", "notice") and files:
        record = file_kind(names[0]) if names else "file"
    if record == "notice" or (record == "words" and not text):
        log.skip("empty")
        return None
    if (kind := kept_kind(record, unknown, log)) is None:
        return None
    id = read_text(message.get("uuid"))
    id = id if is_id(id) else ids.derive("", time, is_person, text)
    return Turn(id, is_person, time, text, kind, names)


def _read_content(message: dict[str, Any]) -> tuple[str, RecordKind | None, str]:
    """Return the words of a message, the kind of its other blocks, and the name of a kind that is unknown."""
    blocks = _read_blocks(message.get("content"))
    if not blocks:
        return read_text(message.get("text")).strip(), "words", ""
    forms = [read_text(block.get("type")) or "text" for block in blocks]
    words = [
        read_text(block.get("text")) for block, form in zip(blocks, forms, strict=True) if form == "text"
    ]
    text = "\n\n".join(filter(None, map(str.strip, words)))
    kinds = {form: _BLOCKS.get(form) for form in forms}
    for form, kind in kinds.items():
        if kind not in ("words", "notice") and (kind or not text):
            return text, kind, form
    return text, "words" if text or "text" in kinds else "notice", ""


def _read_blocks(field: Any) -> list[dict[str, Any]]:
    """Return the blocks of a content, which may be written as a text of JSON, or be one text."""
    if isinstance(field, str) and field.strip():
        try:
            decoded = msgspec.json.decode(field)
        except (ValueError, RecursionError):
            decoded = None
        return read_objects(decoded) or [{"type": "text", "text": field}]
    return read_objects(field)
