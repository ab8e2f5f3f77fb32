"""Element's export of a Matrix room as JSON: the events that Element shows, in the clear.

Keys as in element-hq/element-web (src/utils/exportUtils/JSONExport.ts, seen at commit 030b7e9) and in the
client API of Matrix. No full export was seen: edits are read both where the new words stand in the place of
the old and where they are events of their own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from training.importers.chats.element.events import (
    MatrixEvent,
    caption_and_file,
    own_words,
    record_of,
)
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_fields import text_field
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import LONGEST_NAME, clean_text, unix_seconds
from training.importers.reading.record_kinds import kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind

TITLE = "Matrix (Element)"
GUIDE = Guide(
    steps="Element on a computer: Room info > Export chat > JSON, with all messages.",
    reads="It reads messages, captions, edits, answers and threads.",
    leaves_out=(
        "Left out are what Element could not decrypt, what was deleted, reactions, polls, calls, words of "
        "bots."
    ),
    marks=("room_name", "exported_by", "messages", "origin_server_ts", "event_id"),
)
_CAPTIONED = ("image", "video", "audio", "file")


@dataclass(slots=True)
class MatrixRoom:
    """The facts about an export that its first message already needs.

    `names` are the last display names by user id, `edits` the last edit, with its time, of each message by
    its author, `edited` the ids of edited messages that the export does not hold, as far as it was read.
    """

    source: Source
    name: str = ""
    id: str = ""
    me: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    edits: dict[tuple[str, str], tuple[float, dict[str, Any]]] = field(default_factory=dict)
    edited: set[str] = field(default_factory=set)
    ids: MessageIds = field(default_factory=MessageIds)

    def add(self, event: MatrixEvent) -> None:
        """Take the name, the room and the edit that an event tells of."""
        self.id = self.id or event.room_id
        if event.type == "m.room.member":
            name, person = text_field(event.content, "displayname"), event.state_key or event.sender
            self.people.add(person)
            if name:
                self.names[person] = clean_text(name)[:LONGEST_NAME]
        elif event.type == "m.room.message" and text_field(event.content, "msgtype") != "m.notice":
            self.people.add(event.sender)
            self._add_edit(event)

    def _add_edit(self, event: MatrixEvent) -> None:
        content, key = event.content.get("m.new_content"), (event.edited_id, event.sender)
        if event.edited_id and isinstance(content, dict):
            edit = event.origin_server_ts, content
            self.edits[key] = max(self.edits.get(key, edit), edit, key=itemgetter(0))
            self.edited.add(event.edited_id)

    def find_me(self, exporter: str) -> None:
        """Take the person of this display name for the exporter, if exactly one has it."""
        named = [person for person, name in self.names.items() if name == exporter]
        if exporter in self.people:
            self.me = exporter
        elif len(named) == 1:
            self.me = named[0]

    def lone_edits(self) -> Iterator[MatrixEvent]:
        """Yield each message of which the export has edits only, as its last edit left it."""
        for (id, sender), (time, content) in self.edits.items():
            if id in self.edited:
                self.edited.discard(id)
                yield MatrixEvent("m.room.message", sender, content, time, id, self.id)

    def content_of(self, event: MatrixEvent) -> tuple[dict[str, Any], bool]:
        """Return the content of an event after its last edit, and whether there was one."""
        _, content = self.edits.get((event.event_id, event.sender), (0, event.replacement))
        return (content, True) if content else (event.content, event.is_edited)


def recognises(head: FileHead) -> bool:
    return head.has("room_name", "exported_by", "messages") or head.has(
        "messages[].origin_server_ts", "messages[].sender", "messages[].type"
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        room, document = _survey(source), JsonReader(source)
        for key in document.members():
            if key == "messages":
                for event in document.elements(MatrixEvent):
                    room.edited.discard(event.event_id)
                    yield from _convert(event, room, log)
        for event in room.lone_edits():
            yield from _convert(event, room, log)
        log.skip("unreadable", document.unreadable)


def _survey(source: Source) -> MatrixRoom:
    """Read the file once for the names, the edits and the exporter."""
    room, exporter = MatrixRoom(source), ""
    document = JsonReader(source, again=True)
    for key in document.members():
        if key in ("room_name", "exported_by"):
            value = document.value(object)
            text = clean_text(value) if isinstance(value, str) else ""
            if key == "room_name":
                room.name = text
            else:
                exporter = text[:LONGEST_NAME]
        elif key == "messages":
            for event in document.elements(MatrixEvent):
                room.add(event)
    room.id = room.id or room.name or source.name
    if exporter:
        room.find_me(exporter)
    return room


def _convert(event: MatrixEvent, room: MatrixRoom, log: ImportLog) -> Iterator[ExportedMessage]:
    if event.edited_id:
        return  # its words stand in the message that it replaces
    record, name = record_of(event)
    if (kind := kept_kind(record, name or "an event without a type", log)) is None:
        return
    try:
        time = unix_seconds(event.origin_server_ts / 1000)
    except ValueError:
        log.skip("without a date")
        return
    content, edited = room.content_of(event)
    text, media = _words_and_files(content, kind, event.answered is not None)
    author = "" if kind == "notice" else event.sender
    yield ExportedMessage(
        platform="matrix",
        chat=room.id,
        id=room.ids.choose(event.event_id, room.id, time, event.sender, text),
        author=author,
        author_name=room.names.get(author, author),
        time=time,
        source=room.source.label,
        text=text,
        is_self=event.sender == room.me if room.me and author else None,
        chat_kind="group" if len(room.people) > 2 else "direct",
        chat_name=room.name,
        thread=event.thread,
        reply_to=None if kind == "notice" else event.answered,
        precision="millisecond",
        edited=edited,
        kind=kind,
        media=media,
    )


def _words_and_files(content: dict[str, Any], kind: Kind, is_reply: bool) -> tuple[str, tuple[str, ...]]:
    if kind == "text":
        return own_words(content, is_reply), ()
    if kind in _CAPTIONED:
        caption, file = caption_and_file(content, is_reply)
        return caption, (file,) if file else ()
    return "", ()
