"""Misskey's export of notes: one array with all that a person has posted.

Keys as in misskey-dev/misskey (packages/backend/src/queue/processors/ExportNotesProcessorService.ts, seen at
commit 0220b0b). No full export was seen. Sharkey, Firefish and other forks write the same. The export does
not name its owner.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.mentions import mention_labels, without_addresses
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, parse_iso_time
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Misskey"
GUIDE = Guide(
    steps="Settings > Import and export > All notes > Export, then the file in the drive.",
    reads=(
        "It reads notes, answers, and the words beside a quoted note; notes to chosen people as a chat of "
        "their own."
    ),
    leaves_out="Left out are renotes without words, polls, and content warnings.",
    marks=("id", "text", "createdAt", "renoteId", "visibility"),
)
_ME = "self"
_QUOTED = re.compile(r"^>.*\n?", re.MULTILINE)
_EFFECT = re.compile(r"\$\[[\w.,=-]*+ ?|[\[\]]|</?(?:center|small|plain|i|b)>")


class MisskeyNote(Struct, gc=False):
    """A note of the person; one without a text is a renote, files or a poll."""

    id: str = ""
    text: str | None = None
    createdAt: str = ""
    fileIds: list[str] | None = None
    files: Any = None
    replyId: str | None = None
    renoteId: str | None = None
    poll: Any = None
    cw: str | None = None
    visibility: str = "public"
    visibleUserIds: list[str] | None = None


def recognises(head: FileHead) -> bool:
    return head.has("[].id", "[].text", "[].createdAt", "[].renoteId", "[].visibility")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        document, ids = JsonReader(source), MessageIds()
        for note in document.elements(MisskeyNote):
            yield from _convert(note, source, ids, log)
        log.skip("unreadable", document.unreadable)


def plain_words(text: str) -> str:
    """Return the words of a text in MFM, Misskey's markup: without its effects and without quoted lines.

    An effect is `$[name words]`: its bracket is found by counting, and other brackets stay.
    """
    words, opened, at = list[str](), list[bool](), 0
    for mark in _EFFECT.finditer(text := _QUOTED.sub("", text)):
        words.append(text[at : mark.start()])
        at = mark.end()
        if mark[0][0] in "$[":
            opened.append(mark[0][0] == "$")
            words.append("" if opened[-1] else "[")
        elif mark[0] == "]":
            words.append("" if opened and opened.pop() else "]")
    return clean_text("".join([*words, text[at:]]).strip())


def _record(note: MisskeyNote) -> RecordKind:
    if note.text:
        return "words"
    return "image" if note.fileIds else "poll" if note.poll else "share"


def _convert(note: MisskeyNote, source: Source, ids: MessageIds, log: ImportLog) -> Iterator[ExportedMessage]:
    record = _record(note)
    if record == "share":
        log.skip("renotes")
        return
    try:
        time = parse_iso_time(note.createdAt)
    except ValueError:
        log.skip("without a date")
        return
    if note.cw:
        log.keep("posts, without their content warning")
    text = plain_words(note.text or "")
    chat, chat_kind = _chat(note)
    if note.replyId or chat_kind != "timeline":
        text = without_addresses(text)
    yield ExportedMessage(
        platform="misskey",
        chat=chat,
        id=ids.choose(note.id, chat, time, text),
        author=_ME,
        author_name="",
        time=time,
        source=source.label,
        text=text,
        is_self=True,
        chat_kind=chat_kind,
        reply_to=note.replyId,
        quote=note.renoteId,
        precision="millisecond",
        kind="image" if note.fileIds else kept_kind(record, record, log) or "other",
        media=tuple(map(clean_text, note.fileIds or ())),
        labels=mention_labels(text),
    )


def _chat(note: MisskeyNote) -> tuple[str, ChatKind]:
    """Return the chat of a note: all notes are one, and those to the same chosen people are another."""
    if note.visibility != "specified":
        return _ME, "timeline"
    people = sorted({person for person in note.visibleUserIds or () if person})
    return f"direct {' '.join(people)}".strip(), "group" if len(people) > 1 else "direct"
