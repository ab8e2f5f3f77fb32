"""LINE's text export, in the language of the phone or the computer.

From a phone: a heading, a row a day, then time, sender and text by tabs. From a computer: the same without a
heading, divided by blanks. Sources: hellodigua/ChatLab (seen at commit 4e7ba91) and meyfa/line-chat-parser
(seen at 08a68b7: rows of a computer, hours from 24 on are those of the same day). What LINE writes itself is
in reading/phrases.tsv.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from training.importers.chats.line.pc_names import PcNames
from training.importers.chats.line.rows import MessageRow, is_possible, read_day, read_pc_row, read_row
from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.date_order import DAY_FIRST, MONTH_FIRST, DateOrder
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.phrases import PhraseBook, open_phrase_book, phrases_of, record_kind
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "LINE"
GUIDE = Guide(
    steps=(
        "On a phone: chat > ≡ > Other settings > Export chat history. On a computer: chat > ⋮ > Save chat. "
        "Import the text file."
    ),
    reads=(
        "It reads the messages of one chat in the language of the phone or computer, in the clock of the "
        "exporter."
    ),
    leaves_out="Calls, unsent messages, notices and placeholders such as [Photo] are no words.",
    marks=("[LINE]",),
)
_HEADING = "[LINE]"
_FIRST_LINES = 20


def recognises(head: FileHead) -> bool:
    lines = head.text.lstrip("\ufeff \n\r").split("\n", _FIRST_LINES)[:_FIRST_LINES]
    if lines[0].startswith(_HEADING):
        return True
    day = read_day(lines[0].rstrip("\r"))
    return bool(day and day.is_year_first and day.weekday) and any(map(read_pc_row, lines[1:]))


@dataclass(slots=True)
class LineChat:
    """The facts about a file that its first message already needs."""

    label: str  # of the file
    name: str = ""
    is_group: bool = False
    is_pc: bool = False
    book: PhraseBook = field(default_factory=lambda: open_phrase_book("line"))
    order: DateOrder = DAY_FIRST
    authors: set[str] = field(default_factory=set)
    names: PcNames = field(default_factory=PcNames)
    me: str = ""  # the exporting user, where the file tells; it does not in a group

    def split(self, sender: str, text: str) -> tuple[str, str, RecordKind]:
        """Return a row's sender and words, and what it is; on a computer, the text begins with the sender."""
        author = clean_text(sender).strip()
        if self.is_pc and not author:
            if phrase := self.book.find(text):
                return "", text, record_kind(phrase)
            author, text = self.names.split(text)
        elif not author:
            return "", text, "notice"
        phrase = self.book.find(text)
        return author, text, record_kind(phrase) if phrase else "words"


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat, ids = _survey(source), MessageIds()
        for day, row, lines in _rows(source, chat, log):
            if message := _convert(chat, day, row, lines, log, ids):
                yield message


def _survey(source: Source) -> LineChat:
    """Read the file once for its heading, its senders and the order of day and month."""
    chat, told, is_first = LineChat(source.label), "", True
    for line in source.lines(again=True):
        if is_first and line.strip("\ufeff "):
            is_first, (chat.name, chat.is_group) = False, _heading(line)
            chat.is_pc = not line.lstrip("\ufeff ").startswith(_HEADING)
            told = chat.name or _name_in_file(source)
            chat.names = PcNames(told)
            chat.book = open_phrase_book("line pc" if chat.is_pc else "line")
        _survey_line(chat, line)
    chat.authors |= chat.names.all()
    chat.name = clean_text(told or " & ".join(sorted(chat.authors)[:6]) or source.name)
    others = chat.authors - {chat.name}
    if len(chat.authors) == 2 and len(others) == 1 and not chat.is_group:
        chat.me = min(others)  # of a chat of two that is named after one of them, the other
    return chat


def _survey_line(chat: LineChat, line: str) -> None:
    if "\t" not in line and (day := read_day(line)):
        if not is_possible(day):
            chat.order = MONTH_FIRST
    elif row := read_row(line):
        if author := clean_text(row.author).strip():
            chat.authors.add(author)
    elif chat.is_pc and (row := read_pc_row(line)) and not chat.book.find(row.text):
        chat.names.add(row.text)


def _heading(line: str) -> tuple[str, bool]:
    """Return the chat's name and whether it is a group, by the first line; ("", False) without a heading."""
    text = line.lstrip("\ufeff ").rstrip()
    if not text.startswith(_HEADING):
        return "", False
    text = text.removeprefix(_HEADING).strip()
    for kind in ("heading", "group heading"):
        for phrase in phrases_of("line", kind):
            head, _, tail = phrase.partition("{}")
            name = text[len(head) : len(text) - len(tail)]
            if name and text == f"{head}{name}{tail}":
                return name.strip(), kind == "group heading"
    return text, False


def _name_in_file(source: Source) -> str:
    name = source.name.removesuffix(".txt")
    return name.removeprefix(_HEADING).strip() if name.startswith(_HEADING) else ""


def _rows(source: Source, chat: LineChat, log: ImportLog) -> Iterator[tuple[date, MessageRow, list[str]]]:
    """Yield each row with its day, and the lines of its text: those below a row belong to it."""
    day: date | None = None
    current: tuple[date, MessageRow, BoundedLines] | None = None
    for line in source.lines():
        found = None if "\t" in line else read_day(line)
        row = None if found else read_row(line) or (read_pc_row(line) if chat.is_pc else None)
        if not (found or row):
            if current:
                current[2].add(line)
            continue
        if current:
            yield current
        day, current = (found.to_day(chat.order) if found else day), None
        if row and day:
            current = day, row, BoundedLines(row.text)
        elif row:
            log.skip("without a date")
    if current:
        yield current


def _convert(
    chat: LineChat, day: date, row: MessageRow, lines: list[str], log: ImportLog, ids: MessageIds
) -> ExportedMessage | None:
    author, text, record = chat.split(row.author, clean_text(_whole_text(lines)))
    kind = kept_kind(record, "", log)
    if kind is None:
        return None
    if kind == "notice":
        author = ""
    parts = row.author.strip(), clean_text(_text_of_first_version(lines))
    return ExportedMessage(
        platform="line",
        chat=chat.name,
        id=ids.derive(chat.name, _time_of_first_version(day, row), *parts),
        author=author,
        author_name=author,
        time=unix_seconds(_midnight(day) + 3600 * (row.hour % 24) + 60 * row.minute),
        source=chat.label,
        text=text if record == "words" else "",
        is_self=author == chat.me if chat.me and author else None,
        chat_kind="group" if chat.is_group else "direct",
        chat_name=chat.name,
        precision="minute",
        local=True,
        kind=kind,
    )


@lru_cache(maxsize=16)
def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _time_of_first_version(day: date, row: MessageRow) -> str:
    """Return the time as version 0.1 put it into ids: it took an hour above 23 for one of the next day."""
    day = day + timedelta(days=row.hour // 24) if row.hour > 23 else day
    return f"{day} {row.hour % 24:02}:{row.minute:02}:00+00:00"


def _whole_text(lines: list[str]) -> str:
    """Return a text of several lines, without the double quotes in which LINE on phones puts it."""
    if len(lines) == 1:
        return lines[0]
    text = "\n".join(lines).rstrip("\n")
    inner = text[1:-1]
    is_quoted = text[:1] == text[-1:] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if is_quoted and "\n" in text else text


def _text_of_first_version(lines: list[str]) -> str:
    """Return the text as version 0.1 put it into ids: a line with a quote at its end was the last."""
    if not lines[0].startswith('"') or (len(lines[0]) > 1 and lines[0].endswith('"')):
        return lines[0]
    last = next((at for at, line in enumerate(lines) if at and line.endswith('"')), len(lines) - 1)
    text = "\n".join(lines[: last + 1])
    return text[1:].removesuffix('"').replace('""', '"') if "\n" in text else text
