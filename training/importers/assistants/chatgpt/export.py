"""ChatGPT's export of one's data: conversations.json, since 2026 in parts (conversations-000.json).

A conversation is a tree of messages: an edited question or another answer begins a branch. The branch that
was shown last is the way from `current_node` up through `parent`. Keys as in danny-avila/LibreChat, mempalace
and Nwflower/dsh-chat-import (issue 62: exports of 2026 without `children`, conversations without a tree); no
full export was seen. A tree of DeepSeek's export has the same keys, but other messages.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from training.importers.assistants.chatgpt.messages import read_turn
from training.importers.reading.assistant_turns import (
    OTHER_BRANCHES,
    Conversation,
    read_text,
    read_time,
    turn_message,
)
from training.importers.reading.decoding import decode_json
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import derived_id
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "ChatGPT"
GUIDE = Guide(
    steps="Settings > Data controls > Export data, then the link in the mail.",
    reads="It reads your turns, and the answers as what they answer.",
    leaves_out=(
        "Left out are branches that were left, custom instructions, tools and thoughts, words in files."
    ),
    marks=("mapping", "current_node", "create_time", "conversation_id"),
)
_NO_MESSAGE = Raw(b"null")
_MESSAGES: "msgspec.json.Decoder[dict[str, Any] | None]" = msgspec.json.Decoder(dict[str, Any] | None)


class ChatGptNode(Struct, gc=False):
    """A place in the tree; messages are decoded on the shown branch only."""

    parent: str | None = None
    message: Raw = _NO_MESSAGE


class ChatGptConversation(Struct, gc=False):
    """A conversation; its nodes stand in the order in which they were made."""

    id: str | None = None
    conversation_id: str | None = None
    title: str | None = None
    create_time: Any = None
    current_node: str | None = None
    mapping: dict[str, ChatGptNode] | None = None


def recognises(head: FileHead) -> bool:
    return head.has("[].mapping", "[].current_node") or any(
        key.startswith(("[].mapping.", "mapping.")) and key.endswith(".message.author") for key in head.keys
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        document = JsonReader(source)
        while not document.at_end():
            if document.first() == b"[":
                for conversation in document.elements(ChatGptConversation):
                    yield from _messages(conversation, source, log)
            else:
                yield from _messages(document.value(ChatGptConversation), source, log)
        log.skip("unreadable", document.unreadable)


def _messages(found: ChatGptConversation, source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    if not found.mapping:
        log.skip("conversations without messages")
        return
    shown = _shown_branch(found.mapping, found.current_node)
    log.skip(OTHER_BRANCHES, sum(node.message != b"null" for node in found.mapping.values()) - len(shown))
    id = (
        found.conversation_id or found.id or derived_id(found.title, found.create_time, next(iter(shown), ""))
    )
    conversation = Conversation("chatgpt", read_text(id), read_text(found.title), source.label)
    time, previous = read_time(found.create_time), None
    for name, node in shown.items():
        message = _decode(node.message, log)
        time = read_time(message.get("create_time")) or time
        if message and (turn := read_turn(read_text(name), message, time, log)):
            yield turn_message(conversation, turn, previous)
            previous = turn.id


def _shown_branch(nodes: dict[str, ChatGptNode], current: str | None) -> dict[str, ChatGptNode]:
    """Return the nodes with messages from the beginning to the current node, or to the newest leaf."""
    if current not in nodes:
        parents = {node.parent for node in nodes.values()}
        current = next((name for name in reversed(nodes) if name not in parents), None)
    way = dict[str, ChatGptNode]()
    while current is not None and current in nodes and current not in way:
        way[current] = nodes[current]
        current = nodes[current].parent
    return {name: way[name] for name in reversed(way) if way[name].message != b"null"}


def _decode(message: Raw, log: ImportLog) -> dict[str, Any]:
    try:
        return decode_json(_MESSAGES, bytes(message)) or {}
    except (ValueError, RecursionError):
        log.skip("unreadable")
        return {}
