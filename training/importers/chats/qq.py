"""QQ's message records as text: a header, then messages of a line "time nickname(number)" and words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.phrases import PhraseBook, open_phrase_book, record_kind
from training.importers.reading.record_kinds import kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "QQ"
GUIDE = Guide(
    steps=(
        "In QQ for Windows (QQ 9 and older): 消息管理器 > choose the chats > 导出消息记录 > 文本文件 "
        "(*.txt). Import the text file."
    ),
    reads="It reads the messages of all chats in the file with names and numbers of their senders.",
    leaves_out="Withdrawn messages, system lines and placeholders such as [图片] are no words.",
    marks=("消息记录", "消息分组", "消息对象"),
)
_TITLE_LINE = "消息记录（此消息记录为文本格式"
_AUTHOR_LINE = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2}) (?P<clock>\d{1,2}:\d{2}:\d{2})(?P<half> [AP]M)? "
    r"(?P<name>.*?)(?:\((?P<number>\d{4,12})\)|<(?P<mail>[^<>@]++@[^<>]++)>)\s*+"
)
_PARTNER = re.compile(r"消息对象[:：](.*)")
_GROUP = re.compile(r"消息分组[:：](.*)")
_SYSTEM = {"10000", "1000000", "2854196310"}  # numbers of QQ itself and of two of its assistants
_RULE = "====="  # between the parts of the file
_PICTURES = re.compile(r"\[(?:图片|表情|动画表情)\]")  # beside words


@dataclass(slots=True)
class QqChat:
    """The chat that the messages from here on belong to: a file may hold several."""

    name: str
    source: str
    kind: ChatKind = "direct"
    ids: MessageIds = field(default_factory=MessageIds)
    phrases: PhraseBook = field(default_factory=lambda: open_phrase_book("qq"))


def recognises(head: FileHead) -> bool:
    return _TITLE_LINE in head.text[:200] or (
        "消息对象" in head.text[:2000] and any(map(_AUTHOR_LINE.match, head.text.splitlines()))
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat = QqChat(source.name, source.label)
        author_line: re.Match[str] | None = None
        text = BoundedLines()
        for line in source.lines():
            following, group, partner = _read_row(line)
            if not (following or group or partner):
                text.add(line)
                continue
            if author_line:
                yield from _convert(author_line, text, chat, log)
            author_line, text = following, BoundedLines()
            if group:
                chat.kind = "group" if "群" in group[1] else "direct"
            elif partner:
                chat.name = clean_text(partner[1]).strip()
        if author_line:
            yield from _convert(author_line, text, chat, log)


def _read_row(line: str) -> tuple[re.Match[str] | None, re.Match[str] | None, re.Match[str] | None]:
    """Return what a row is: the line above a message, the chat's kind, or its name; a row of words is none.

    The first character decides which pattern is tried: most rows are words.
    """
    first = line[:1]
    if first.isdecimal() or first == "\ufeff":
        return _AUTHOR_LINE.fullmatch(line.lstrip("\ufeff")), None, None
    if first == "消":
        return None, _GROUP.fullmatch(line), _PARTNER.fullmatch(line)
    return None, None, None


def _convert(
    author_line: re.Match[str], lines: list[str], chat: QqChat, log: ImportLog
) -> Iterator[ExportedMessage]:
    try:
        time = _parse_time(author_line)
    except ValueError:
        log.skip("without a date")
        return
    author = author_line["number"] or author_line["mail"]
    text = "\n".join(lines)
    if _RULE in text:
        text = "\n".join(line for line in lines if not line.startswith(_RULE))
    text = clean_text(text.strip())
    phrase = chat.phrases.find(text)
    record = "notice" if author in _SYSTEM else record_kind(phrase) if phrase else "words"
    kind = kept_kind(record, "", log)
    if kind is None:
        return
    words = text if kind == "text" else ""
    if "[" in words:
        words = _PICTURES.sub("", words).strip()
    yield ExportedMessage(
        platform="qq",
        chat=chat.name,
        id=chat.ids.derive(chat.name, time, author, text),
        author=author,
        author_name=clean_text(author_line["name"]).strip(),
        time=time,
        source=chat.source,
        text=words,
        chat_kind=chat.kind,
        chat_name=chat.name,
        local=True,
        kind="image" if kind == "text" and not words and text else kind,
    )


def _parse_time(author_line: re.Match[str]) -> float:
    hour, minute, second = map(int, author_line["clock"].split(":"))
    if half := author_line["half"]:
        hour = hour % 12 + 12 * (half == " PM")
    if not (hour < 24 and minute < 60 and second < 60):
        raise ValueError(f"{author_line['clock']} is no time")
    return unix_seconds(_midnight(author_line["day"]) + 3600 * hour + 60 * minute + second)


@lru_cache(maxsize=16)
def _midnight(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
