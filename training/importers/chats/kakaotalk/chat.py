"""KakaoTalk's export, a text in Korean or English from a phone or from Windows, or a table from macOS.

Sources: zeikar/kakaotalk-viewer at 5e4efc6 (src/parser), mingk24/KakaoTalk_urlExtractor, Gudongyeop/
kakaotalk_data_preprocessing and uoneway/kakaotalk_msg_preprocessor; further parsers were seen as files
without the names of their repositories. No full export was seen. The text says who exported it only where a
chat of two is named after the other, or where it calls the exporter "You" or "나"; it has no ids and no zone.
What KakaoTalk writes itself is in reading/phrases.tsv.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache

from bot.errors import UserError
from training.importers.chats.kakaotalk.content import parse_content, unheaded_kind
from training.importers.chats.kakaotalk.rows import KakaoRow, Layout, read_day, read_row
from training.importers.chats.kakaotalk.table import is_table, read_table_rows
from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.phrases import phrases_of
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Meter, Source
from training.store.messages import ExportedMessage, Precision

TITLE = "KakaoTalk"
GUIDE = Guide(
    steps=(
        "Phone: open the chat > menu > settings > Export Chat (대화 내용 내보내기). Computer: open the "
        "chat > menu > Chat room settings > Export chat messages (대화 내용 내보내기)."
    ),
    reads="It reads texts of Android, iOS and Windows in Korean or English, and the CSV table of macOS.",
    leaves_out="Left out are deleted messages, notices without a time, pictures and emoticons.",
    marks=("카카오톡 대화", "저장한 날짜", "KakaoTalk Chats", "Date Saved", "Date,User,Message"),
)
_FIRST_LINES = 60
_HEAD = 8  # lines in which the heading stands
_SAVED = ("저장한 날짜", "Date Saved", "Saved Date")
_KOREAN = tuple(word.encode("cp949") for word in ("카카오톡 대화", "저장한 날짜"))
_STAMP = re.compile(r"_\d{4}-\d{2}-\d{2}[-_]\d{2}-\d{2}-\d{2}\Z")


def recognises(head: FileHead) -> bool:
    if is_table(head) or _is_cp949(head):
        return True
    lines = _plain(head.text).lstrip("\ufeff \r\n").split("\n", _FIRST_LINES)[:_FIRST_LINES]
    lines = [line.rstrip("\r") for line in lines]
    told = any(line.lstrip().startswith(_SAVED) or _name_of(line) for line in lines[:_HEAD])
    days = [bool(read_day(line)) for line in lines]
    rows = [read_row(line) is not None for line in lines]
    return (told or (days[0] and any(rows[1:3])) or lines[0].startswith("-" * 10)) and any(rows)


def _is_cp949(head: FileHead) -> bool:
    return any(word in head.raw[:2000] for word in _KOREAN)


@dataclass(slots=True)
class KakaoChat:
    """The facts about a file that its first message already needs."""

    source: str
    name: str = ""
    layout: Layout | None = None
    authors: set[str] = field(default_factory=set)
    ids: MessageIds = field(default_factory=MessageIds)
    precision: Precision = "minute"

    @property
    def me(self) -> str:
        """The exporting user, where the file tells: by a word for it, or by the name of a chat of two."""
        for name in phrases_of("kakaotalk", "own name"):
            if name in self.authors:
                return name
        others = self.authors - {self.name}
        return min(others) if len(self.authors) == 2 and len(others) == 1 else ""

    def settle_name(self, told: str, source: Source) -> None:
        """Take the name that the file tells, or one that is made of its authors."""
        self.name = clean_text(told or " & ".join(sorted(self.authors)[:6]) or source.name)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        head = sniff_head(source)
        if is_table(head):
            yield from _read_table(source, log)
        elif _is_cp949(head):
            raise UserError(f"{source} is in CP949, an old encoding: save it as UTF-8 and import it again.")
        else:
            yield from _read_text(source, log)


def _read_text(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    chat = _survey(source)
    me = chat.me
    for day, row, lines in _messages(source, chat, log):
        time = _midnight(day) + 3600 * row.hour + 60 * row.minute
        yield from _convert(chat, me, time, row.author, "\n".join(lines).strip(), log)


def _survey(source: Source) -> KakaoChat:
    """Read the file once for its heading, its layout and its senders."""
    chat, told = KakaoChat(source.label), ""
    for number, line in enumerate(map(_plain, source.lines(again=True))):
        if number < _HEAD and not told:
            told = _name_of(line.lstrip("\ufeff"))
        if row := read_row(line):
            chat.layout = chat.layout or row.layout
            if row.layout == chat.layout and row.author:
                chat.authors.add(clean_text(row.author))
    chat.settle_name(told, source)
    return chat


def _name_of(line: str) -> str:
    """Return the chat's name in a heading, or ""."""
    text = line.strip()
    for phrase in phrases_of("kakaotalk", "heading"):
        head, _, tail = phrase.partition("{}")
        if text.startswith(head) and text.endswith(tail) and len(text) > len(head) + len(tail):
            return text[len(head) : len(text) - len(tail)].strip()
    return ""


def _messages(source: Source, chat: KakaoChat, log: ImportLog) -> Iterator[tuple[date, KakaoRow, list[str]]]:
    """Yield each row with its day, and the lines of its text: those below a row belong to it."""
    day: date | None = None
    current: tuple[date, KakaoRow, BoundedLines] | None = None
    for line in map(_plain, source.lines()):
        found = read_day(line)
        row = None if found else read_row(line)
        is_row = row is not None and row.layout == chat.layout
        kind = None if found or is_row else unheaded_kind(line, chat.authors)
        if not (found or is_row or kind):
            if current:
                current[2].add(line)
            continue
        if current:
            yield current
        current, day = None, found or day
        if kind:
            _skip_unheaded(kind, log)
        elif row and (at := row.day or day):
            current = at, row, BoundedLines(row.text)
        elif row:
            log.skip("without a date")
    if current:
        yield current


def _skip_unheaded(kind: RecordKind, log: ImportLog) -> None:
    """Count a line of KakaoTalk itself that has no time."""
    if kept_kind(kind, "", log):
        log.skip("notices without a time")


def _convert(
    chat: KakaoChat, me: str, time: float, author: str | None, raw: str, log: ImportLog
) -> Iterator[ExportedMessage]:
    if author is None and not raw:  # a row of a phone that only holds a time
        return
    try:
        seconds = unix_seconds(time)
    except ValueError:
        log.skip("without a date")
        return
    content = parse_content(clean_text(raw))
    name = clean_text(author or "")
    kind = kept_kind(content.kind if name else "notice", "", log)
    if kind is None:
        return
    sender = "" if kind == "notice" else name
    yield ExportedMessage(
        platform="kakaotalk",
        chat=chat.name,
        id=chat.ids.derive(chat.name, seconds, name, raw),
        author=sender,
        author_name=sender,
        time=seconds,
        source=chat.source,
        text=content.text if kind == "text" else "",
        is_self=sender == me if me and sender else None,
        chat_kind="group" if len(chat.authors) > 2 else "direct",
        chat_name=chat.name,
        precision=chat.precision,
        local=True,
        kind=kind,
    )


def _read_table(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    chat = KakaoChat(source.label, precision="second")
    for row in read_table_rows(replace(source, meter=Meter())):  # its second reading moves the progress bar
        if row.author and not unheaded_kind(row.text):
            chat.authors.add(clean_text(row.author))
    chat.settle_name(_name_in_file(source), source)
    me = chat.me
    for row in read_table_rows(source):
        kind = unheaded_kind(row.text, chat.authors)
        if row.time is None:
            _skip_unheaded(kind, log) if kind else log.skip("without a date")
        else:
            author = None if kind == "notice" else row.author
            yield from _convert(chat, me, row.time, author or None, row.text.strip(), log)


def _name_in_file(source: Source) -> str:
    """Return the chat's name in the name of a table: KakaoTalk_Chat_quay_2026-01-02-03-04-05.csv."""
    name = source.name.removesuffix(".csv")
    head, _, room = name.partition("KakaoTalk_Chat_")
    return _STAMP.sub("", room) if room and not head else ""


@lru_cache(maxsize=16)
def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _plain(line: str) -> str:
    """Return a line with common blanks: English clocks stand between others."""
    return line if line.isascii() else line.replace("\u202f", " ").replace("\u00a0", " ")
