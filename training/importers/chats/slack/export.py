"""Slack's export of a workspace: a folder for each channel with a JSON file for each day."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from training.importers.chats.slack.messages import SlackChat, SlackMessage, convert_message, find_people
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader, read_document
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Slack"
GUIDE = Guide(
    steps=(
        "In Slack, as owner or admin: Tools & settings > Workspace settings > Import/Export Data > Export. "
        "Import the zip as it is."
    ),
    reads=(
        "It reads the messages of channels, and of direct messages where the export has them, with threads "
        "and the names of members."
    ),
    leaves_out="Bots, joins and other notices, deleted messages and file comments are left out.",
    marks=("ts", "user", "text", "type"),
)
# files of people in an export by slackdump: one may be an export of something else, and is no chat of Slack
_UPLOAD = re.compile(r"(?:^|/)(?:__uploads/F[A-Z0-9]{6,20}+/|attachments/F[A-Z0-9]{6,20}+-)[^/]++$")


def recognises(head: FileHead) -> bool:
    return bool(_part(head))


def _part(head: FileHead) -> str:
    if _UPLOAD.search(head.source.path):
        return "upload"
    if head.has("[].ts", "[].type"):
        return "day"
    if head.has("[].id", "[].profile"):
        return "users"
    if head.has("[].id", "[].members", "[].created"):
        return "channels"
    return "log" if head.has("[].change_type", "[].date") else ""


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    parts: dict[str, list[Source]] = {}
    for source in sources:
        parts.setdefault(_part(sniff_head(source)), []).append(source)
    people = find_people(
        {str(user.get("id")): user for source in parts.get("users", []) for user in _objects(source)}
    )
    chats: dict[str, tuple[str, ChatKind]] = {}
    for source in parts.get("channels", []):
        kind = _kind(source)
        for chat in _objects(source):
            chat_id = str(chat.get("id"))
            chats[str(chat.get("name") or chat_id)] = chats[chat_id] = chat_id, kind
    log.skip("files that people uploaded", len(parts.get("upload", [])))
    for source in parts.get("day", []):
        folder = source.path.rpartition("/")[0].rpartition("/")[2] or source.name
        chat_id, kind = chats.get(folder, (folder, "group"))
        document, place = JsonReader(source), SlackChat(chat_id, folder, kind, source.label)
        for message in document.elements(SlackMessage):
            if exported := convert_message(message, place, people, log):
                yield exported
        log.skip("unreadable", document.unreadable)


def _kind(source: Source) -> ChatKind:
    return "direct" if source.name.startswith("dms") else "group"


def _objects(source: Source) -> list[dict[str, Any]]:
    root = read_document(source)
    return [item for item in root if isinstance(item, dict)] if isinstance(root, list) else []
