"""iMessage by imessage-exporter as text (`-f txt`): a file for each chat, a block for each message.

Source: ReagentX/imessage-exporter (imessage-exporter/src/exporters/txt.rs at 01255f9 and txt/mod.rs at
71c788b, with their tests); no full export was seen. Times are the exporter's clock. "Me" is who exported,
unless it was told another name. There are no ids; a reply stands indented below the message that it answers,
and again at its own place, where it is taken.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from training.importers.chats.imessage.text_body import TIME, is_header, read_body
from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import MONTHS, clean_text, unix_seconds
from training.importers.reading.record_kinds import file_kind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "iMessage (imessage-exporter)"
GUIDE = Guide(
    steps="On a Mac, in Terminal: imessage-exporter -f txt -o messages makes the folder messages.",
    reads="It reads texts in their last version, names of files, a line for each event in a group.",
    leaves_out="Left out are tapbacks, quoted replies, link previews, unsent messages, what apps wrote.",
    marks=("Me", "Tapbacks:", "This message responded to an earlier message."),
)
_ME = "Me"
_TIME = re.compile(TIME)
_EVENT = re.compile(rf"{TIME} \S.*")
_MOST_SENDERS = 3


def recognises(head: FileHead) -> bool:
    lines = head.text.lstrip("\ufeff \r\n").split("\n", 200)
    return bool(_TIME.match(lines[0])) and any(is_header(line.rstrip("\r")) for line in lines)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        yield from _TextChat(source).read(log)


class _TextChat:
    """The chat of a file, which is named after its people or itself: a group has more than two senders."""

    def __init__(self, source: Source) -> None:
        self._source, self._ids = source, MessageIds()
        self._name = clean_text(source.name.removesuffix(".txt")) or source.name
        senders = set[str]()
        for _, sender, _ in self._blocks(again=True):
            senders.add(sender)
            if len(senders) >= _MOST_SENDERS:
                break
        self._kind: ChatKind = "group" if len(senders - {""} | {_ME}) >= _MOST_SENDERS else "direct"
        self._knows_self = _ME in senders

    def read(self, log: ImportLog) -> Iterator[ExportedMessage]:
        """Yield the messages, and the events of the chat."""
        for header, sender, lines in self._blocks():
            body = read_body(lines) if sender else None
            kind = kept_kind(body.record if body else "notice", "", log)
            if kind is None:
                continue
            is_words, files = kind == "text", body.files if body else ()
            words = clean_text(body.words) if body and is_words else ""
            if is_words and not words and not files:
                log.skip("empty")
                continue
            try:
                time = _seconds(header)
            except (ValueError, KeyError):
                log.skip("without a date")
                continue
            author = clean_text(sender)
            yield ExportedMessage(
                platform="imessage",
                chat=self._name,
                id=self._ids.derive(self._name, time, author, words, *files),
                author=author,
                author_name=author,
                time=time,
                source=self._source.label,
                text=words,
                is_self=author == _ME if is_words and self._knows_self else None,
                chat_kind=self._kind,
                chat_name=self._name,
                local=True,
                edited=bool(body and body.is_edited),
                kind=file_kind(files[0]) if is_words and files else kind,
                media=tuple(map(clean_text, files)) if is_words else (),
            )

    def _blocks(self, again: bool = False) -> Iterator[tuple[str, str, list[str]]]:
        """Yield the header, the sender and the lines of each block; an event has no sender."""
        header, sender, lines, was_blank = "", "", BoundedLines(), True
        for line in self._source.lines(again):
            line = line.lstrip("\ufeff") if not header else line
            if was_blank and (is_header(line) or _EVENT.fullmatch(line)):
                if header:
                    yield header, sender, lines
                header, sender, lines = line, "", BoundedLines()
            elif header and not sender and is_header(header):
                sender = line.strip()
            else:
                lines.add(line)
            was_blank = not line.strip()
        if header:
            yield header, sender, lines


def _seconds(header: str) -> float:
    """Return Unix seconds of a header. Raises ValueError for a time that no calendar has."""
    found = _TIME.match(header)
    if not found:
        raise ValueError("no time")
    month, day, year, hour, minute, second, half = found.groups()
    clock = datetime(
        int(year), MONTHS[month], int(day), int(hour) % 12 + 12 * (half == "PM"), int(minute), int(second)
    )
    return unix_seconds(clock.replace(tzinfo=UTC).timestamp())
