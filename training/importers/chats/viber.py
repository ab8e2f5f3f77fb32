"""Viber's message history: a CSV for each chat, of date, time, sender, number and text.

Shapes as in adrz/analysis-viber-logs (main.R, and issue 1: since 2015, the first cells are ="..."). Only
exports of 2014 and 2015 are described there; a public test of 2026 has a heading row. No full export was
seen. A text may hold the sign between cells, and goes on in the lines below it. The word for "me" is that of
the phone's language.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.date_order import DAY_FIRST, DateOrder, Numbers, find_date_order, to_date
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.phrases import open_phrase_book, phrases_of, record_kind
from training.importers.reading.record_kinds import kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Viber"
GUIDE = Guide(
    steps="Viber on a phone: More > Settings > Account > Viber backup > Email message history.",
    reads="It reads messages with their senders and times.",
    leaves_out="Left out are pictures, stickers and calls, which the file only names.",
    marks=("Date", "Time", "Sender", "Phone", "Message"),
)
_ROW = re.compile(
    r'=?"?(?P<date>\d{1,4}(?P<sign>[./-])\d{1,2}(?P=sign)\d{1,4})"?(?P<cell>[\t,;]) ?'
    r'=?"?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?'
    r'(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"?(?P=cell) ?'
    r'=?"?(?P<sender>[^"\t,;]*+)"?(?P=cell) ?'
    r'=?"?(?P<number>\+?[\dXx ()-]{0,30})"?(?P=cell) ?'
    r"(?P<text>.*)",
    re.DOTALL,
)
_FIRST_LINES = 3  # a heading, and a line end in the first text
_EXTENSION = re.compile(r"\.(?:csv|txt|zip)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ViberChat:
    """The facts about a file that its first message already needs; `me` is the phone's word for "me"."""

    source: Source
    name: str
    order: DateOrder
    is_group: bool
    me: str


def recognises(head: FileHead) -> bool:
    lines = head.text.lstrip("\ufeff \r\n").split("\n", _FIRST_LINES)[:_FIRST_LINES]
    return any(_ROW.match(line) for line in lines)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat, ids = _survey(source, log), MessageIds()
        row: re.Match[str] | None = None
        lines = BoundedLines()
        for line in source.lines():
            if following := _ROW.match(line.lstrip("\ufeff")):
                if row:
                    yield from _convert(row, lines, chat, ids, log)
                row, lines = following, BoundedLines(following["text"])
            elif row:
                lines.add(line)
        if row:
            yield from _convert(row, lines, chat, ids, log)


def _survey(source: Source, log: ImportLog) -> ViberChat:
    """Read the file once for its senders and the order of day and month."""
    dates, senders, sign = dict[Numbers, None](), dict[str, None](), "/"
    for line in source.lines(again=True):
        if row := _ROW.match(line.lstrip("\ufeff")):
            dates[_numbers(row)] = None
            senders[clean_text(row["sender"]).strip()] = None
            sign = row["sign"]
    me = next((word for word in phrases_of("viber", "own name") if word in senders), "")
    order = find_date_order(source, [*dates], log, sign) if dates else DAY_FIRST
    return ViberChat(source, _EXTENSION.sub("", source.name), order, len(senders) > 2, me)


def _numbers(row: re.Match[str]) -> Numbers:
    one, two, three = map(int, row["date"].split(row["sign"]))
    return one, two, three


def _convert(
    row: re.Match[str], lines: list[str], chat: ViberChat, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    author, text = clean_text(row["sender"]).strip(), clean_text(_whole_text(lines))
    phrase = open_phrase_book("viber").find(text)
    if (kind := kept_kind(record_kind(phrase) if phrase else "words", "", log)) is None:
        return
    try:
        time = _time(row, chat.order)
    except ValueError:
        log.skip("without a date")
        return
    yield ExportedMessage(
        platform="viber",
        chat=chat.name,
        id=ids.derive(chat.name, time, author, text),
        author=author,
        author_name=author,
        time=time,
        source=chat.source.label,
        text=text if kind == "text" else "",
        is_self=author == chat.me if chat.me and author else None,
        chat_kind="group" if chat.is_group else "direct",
        chat_name=chat.name,
        precision="second" if row["second"] else "minute",
        local=True,
        kind=kind,
    )


def _whole_text(lines: list[str]) -> str:
    """Return a text of one or more lines, without the quotes that a table puts round it."""
    text = "\n".join(lines).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"').strip()
    return text


def _time(row: re.Match[str], order: DateOrder) -> float:
    hour, minute, second = (int(row[part] or 0) for part in ("hour", "minute", "second"))
    if row["half"]:
        hour = hour % 12 + 12 * (row["half"] in "Pp")
    day = to_date(_numbers(row), order)
    return unix_seconds(datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC).timestamp())
