"""WhatsApp's exported chat, a text without time zone or ids in the language of the phone.

Sources: Pustur/whatsapp-chat-parser (dates, seen at commit 57484d5), starkdmi/whats_json (exports of 17
languages and three calendars, seen at 760b3a0) and mtln/chat-export, pull request 30 (Arabic). Forms of other
languages are those of CLDR. What WhatsApp writes itself is in reading/phrases.tsv.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from training.importers.chats.whatsapp.content import is_notice, parse_content
from training.importers.chats.whatsapp.header import MessageHeader, parse_header
from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.date_order import DateOrder, Numbers, find_date_order, to_date
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import unix_seconds
from training.importers.reading.phrases import phrases_of
from training.importers.reading.record_kinds import kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Precision

TITLE = "WhatsApp"
GUIDE = Guide(
    steps=(
        "On Android: chat > ⋮ > More > Export chat > Without media. On an iPhone: chat > the name at the "
        "top > Export chat > Without Media. Import the zip or the text file."
    ),
    reads="It reads the messages of one chat in any language, calendar and order of the date.",
    leaves_out="Notices, deleted messages, calls, polls, locations and placeholders of media are no words.",
)
_FIRST_LINES = 20
_COPY_NUMBER = re.compile(r" ?\(\d+\)$")
_EXTENSION = re.compile(r"\.(?:txt|zip)$", re.IGNORECASE)


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
    lines = head.text.lstrip("\ufeff \r\n").split("\n", _FIRST_LINES)[:_FIRST_LINES]
    if lines[0][:1] in ("{", "[") and not parse_header(lines[0]):
        return False
    return any(map(parse_header, lines))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat = _survey(source, log)
        yield from _messages(source, chat, log)


def _survey(source: Source, log: ImportLog) -> WhatsAppChat:
    """Read the file once for its authors, its title and the order of day and month."""
    dates, authors, title, sign = dict[Numbers, None](), dict[str, None](), "", "/"
    for line in source.lines(again=True):
        if header := parse_header(line):
            dates[header.numbers] = None
            if not title:
                title, sign = header.author if is_notice(header.text) else "-", header.sign
            if header.author and header.author not in authors and not is_notice(header.text):
                authors[header.author] = None
    name = _name_in_path(source) or title.strip("-") or " & ".join(sorted(authors)[:6]) or source.name
    order = find_date_order(source, [*dates], log, sign)
    return WhatsAppChat(source.label, name, order, frozenset(authors))


def _messages(source: Source, chat: WhatsAppChat, log: ImportLog) -> Iterator[ExportedMessage]:
    """Join each header with the lines below it that have none."""
    header, text, ids = None, BoundedLines(), MessageIds()
    for line in source.lines():
        following = parse_header(line)
        if following is None:
            if header:
                text.add(line)
            continue
        if header:
            yield from _convert(chat, header, "\n".join(text), log, ids)
        header, text = following, BoundedLines(following.text)
    if header:
        yield from _convert(chat, header, "\n".join(text), log, ids)


def _time(chat: WhatsAppChat, header: MessageHeader) -> float:
    day = to_date(header.numbers, chat.order)
    return unix_seconds(datetime(day.year, day.month, day.day, *header.clock, tzinfo=UTC).timestamp())


def _convert(
    chat: WhatsAppChat, header: MessageHeader, raw: str, log: ImportLog, ids: MessageIds
) -> Iterator[ExportedMessage]:
    time, content = _time(chat, header), parse_content(raw)
    kind = kept_kind(content.kind if header.author else "notice", "", log)
    if kind is None:
        return
    notice = kind == "notice"
    precision: Precision = "second" if header.has_seconds else "minute"
    yield ExportedMessage(
        platform="whatsapp",
        chat=chat.name,
        id=ids.derive(chat.name, time, *_id_parts(header, content.id_text)),
        author="" if notice else header.author,
        author_name="" if notice else header.author,
        time=time,
        source=chat.source,
        text="" if notice else content.text,
        is_self=None if notice or not chat.me else header.author == chat.me,
        chat_kind="group" if len(chat.authors) > 2 else "direct",
        chat_name=chat.name,
        precision=precision,
        local=True,
        edited=content.edited,
        kind=kind,
        media=() if notice else content.media,
    )


def _id_parts(header: MessageHeader, text: str) -> tuple[str, str]:
    """Return the author and the text that an id is made of since version 0.1."""
    return (
        (header.quoting, text.removeprefix(f"{header.quoting}: "))
        if header.quoting
        else (header.author, text)
    )


def _name_in_path(source: Source) -> str:
    """The chat's name in the name of the file, of its folder or of the zip; "" if none holds one."""
    folders = f"{source.root}/{source.path}".replace("\\", "/").rstrip("/").split("/")
    for name in (source.name, *folders[-2:-1], source.root.replace("\\", "/").rstrip("/").rpartition("/")[2]):
        stem = _COPY_NUMBER.sub("", _EXTENSION.sub("", name))
        for phrase in phrases_of("whatsapp", "file name"):
            head = phrase.removesuffix("{}")
            for form in (head, head.replace(" ", "_")):
                if stem.startswith(form):
                    return stem.removeprefix(form).replace("_", " ").strip()
    return ""
