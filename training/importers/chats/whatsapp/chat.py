"""WhatsApp's exported chat, a text without time zone or ids in the language of the phone.

Sources: Pustur/whatsapp-chat-parser (dates, seen at commit 57484d5) and mlomb/chat-analytics (phrases and
file names, seen at 02faef4).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from training.importers.chats.whatsapp import phrases
from training.importers.chats.whatsapp.content import is_deleted, is_notice, parse_content
from training.importers.chats.whatsapp.dates import DateOrder, find_date_order, to_date
from training.importers.chats.whatsapp.header import MessageHeader, parse_header
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import unique_id, unix_seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Precision

TITLE = "WhatsApp"
_COPY_NUMBER = re.compile(r" ?\(\d+\)$")


@dataclass(frozen=True, slots=True)
class WhatsAppChat:
    """The facts about a file that its first message already needs."""

    source: str
    name: str
    order: DateOrder
    authors: frozenset[str]

    @property
    def me(self) -> str:
        """The exporting user: in a chat of two that is named after one of them, the other; else ""."""
        others = self.authors - {self.name}
        return next(iter(others)) if len(self.authors) == 2 and len(others) == 1 else ""


def recognises(head: FileHead) -> bool:
    return any(parse_header(line) for line in head.text.split("\n", 20)[:20]) and not head.keys


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat = _survey(source, log)
        yield from _messages(source, chat, log)


def _survey(source: Source, log: ImportLog) -> WhatsAppChat:
    """Read the file once for its authors, its title and the order of day and month."""
    dates, authors, title = dict[tuple[int, int, int], None](), dict[str, None](), ""
    for line in source.lines(again=True):
        if header := parse_header(line):
            dates[header.numbers] = None
            if not title:
                title = header.author if is_notice(header.text) else "-"
            if header.author and not is_notice(header.text):
                authors[header.author] = None
    name = _name_in_path(source) or title.strip("-") or " & ".join(sorted(authors)[:6]) or source.name
    return WhatsAppChat(source.label, name, find_date_order(source, [*dates], log), frozenset(authors))


def _messages(source: Source, chat: WhatsAppChat, log: ImportLog) -> Iterator[ExportedMessage]:
    """Join each header with the lines below it that have none."""
    header, text, seen, last = None, list[str](), dict[str, int](), 0.0
    for line in source.lines():
        following = parse_header(line)
        if following is None:
            if header:
                text.append(line)
            continue
        if header:
            yield from _convert(chat, header, "\n".join(text), log, seen)
        header, text = following, [following.text]
        if (time := _time(chat, header)) != last:
            seen.clear()
            last = time
    if header:
        yield from _convert(chat, header, "\n".join(text), log, seen)


def _time(chat: WhatsAppChat, header: MessageHeader) -> float:
    day = to_date(header.numbers, chat.order)
    return unix_seconds(datetime(day.year, day.month, day.day, *header.clock, tzinfo=UTC).timestamp())


def _convert(
    chat: WhatsAppChat, header: MessageHeader, raw: str, log: ImportLog, seen: dict[str, int]
) -> Iterator[ExportedMessage]:
    time = _time(chat, header)
    text, kind, media, edited = parse_content(raw)
    notice = not header.author or is_notice(raw)
    if not notice and is_deleted(text):
        log.skip("deleted by their author")
        return
    precision: Precision = "second" if header.has_seconds else "minute"
    yield ExportedMessage(
        platform="whatsapp",
        chat=chat.name,
        id=unique_id(seen, time, header.author, text),
        author="" if notice else header.author,
        author_name="" if notice else header.author,
        time=time,
        source=chat.source,
        text="" if notice else text,
        is_self=None if notice or not chat.me else header.author == chat.me,
        chat_kind="group" if len(chat.authors) > 2 else "direct",
        chat_name=chat.name,
        precision=precision,
        local=True,
        edited=edited,
        kind="notice" if notice else kind,
        media=() if notice else media,
    )


def _name_in_path(source: Source) -> str:
    """The chat's name in the name of the file or of the zip; "" if neither holds one."""
    for name in (source.name, source.root.replace("\\", "/").rpartition("/")[2]):
        stem = _COPY_NUMBER.sub("", name.rpartition(".")[0])
        for pattern in phrases.FILE_NAMES:
            for form in (pattern, pattern.replace(" ", "_")):
                if stem.startswith(form):
                    return stem.removeprefix(form).replace("_", " ").strip()
    return ""
