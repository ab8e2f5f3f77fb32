"""The text of qq-chat-exporter: a heading, then each message as its author, its time and its words.

    Name:
    时间: 2026-01-02 03:04:05
    内容: words

Lines for files, mentions and the answered message follow. It has no ids, and does not tell who exported it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from training.importers.chats.qq_nt.placeholders import is_placeholder, kind_without_words, own_words
from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.phrases import open_phrase_book, record_kind
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

_HEADS = ("[QQChatExporter", "QQ聊天记录导出文件")
_NAME, _KIND, _GROUP = "聊天名称: ", "聊天类型: ", "群聊"
_TIME, _WORDS, _REPLY = "时间: ", "内容: ", "回复: "
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}:\d{2})?")
_BEHIND = re.compile(r"(?:回复: .*? - |提及: |资源: \d+ 个文件$)")
_TITLE = re.compile(r"\A\[[^\[\]]{1,30}+\] (?=\S)")  # that a group gives a person, before the name
_NUMBER = re.compile(r"\[\d{1,9}\]")  # of a message, where a person wants that
_END = "=" * 47  # above what stands at the end of the file
_HEADING = 30  # lines
_QQ_ITSELF = frozenset(("系统消息", "0", ""))
_WORDS_OF_OTHERS = " - "  # stands before them in the line of the answered message


class QqText(NamedTuple):
    """A message: its author's name, its time as it stands in the file, and the lines below that."""

    author: str
    stamp: str
    lines: BoundedLines


def is_text_export(head: FileHead) -> bool:
    """Return whether a file is a text of qq-chat-exporter."""
    return any(mark in head.text[:400] for mark in _HEADS) and _TIME in head.text


def read_text_export(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the messages of a text."""
    (chat, kind), ids = _heading(source), MessageIds()
    for message in _messages(source):
        yield from _convert(message, chat, kind, source, ids, log)


def _heading(source: Source) -> tuple[str, ChatKind]:
    """Return the name of the chat and its kind."""
    name = source.name
    kind: ChatKind = "direct"
    for line in islice(source.lines(again=True), _HEADING):
        if line.startswith(_NAME):
            name = clean_text(line.removeprefix(_NAME)).strip() or name
        elif line.startswith(_KIND) and _GROUP in line:
            kind = "group"
    return name, kind


def _messages(source: Source) -> Iterator[QqText]:
    """Yield the messages: a line with a time begins one where a name stands above it, below an empty line."""
    message: QqText | None = None
    above, name = "", ""
    for line in source.lines():
        if line.startswith(_TIME) and name.endswith(":") and (not above.strip() or _NUMBER.fullmatch(above)):
            if message:
                yield message
            message = QqText(name[:-1], line.removeprefix(_TIME).strip(), BoundedLines())
            above, name = "", ""
            continue
        if message:
            message.lines.add(above)
        above, name = name, line
    if message:
        message.lines.add(above)
        message.lines.add(name)
        if _END in message.lines:
            del message.lines[message.lines.index(_END) :]
        yield message


def _convert(
    message: QqText, chat: str, chat_kind: ChatKind, source: Source, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    try:
        time = _parse_time(message.stamp)
    except ValueError:
        log.skip("without a date")
        return
    author = clean_text(_TITLE.sub("", message.author, count=1)).strip()
    whole, quoted = _split(message.lines)
    text = clean_text(own_words(whole, quoted))
    record = _record_of(author, whole, text)
    kind = kept_kind(record, whole[:40], log)
    if kind is None:
        return
    is_words = kind == "text"
    yield ExportedMessage(
        platform="qq",
        chat=chat,
        id=ids.derive(chat, time, author, text or whole),
        author="" if kind == "notice" else author,
        author_name="" if kind == "notice" else author,
        time=time,
        source=source.label,
        text=text if is_words else "",
        chat_kind=chat_kind,
        chat_name=chat,
        precision="second" if ":" in message.stamp else "day",
        local=True,
        kind=kind,
    )


def _split(lines: list[str]) -> tuple[str, str]:
    """Return the text of a message, and the words of the message that it answers.

    What stands behind the words is cut at the first line that may be of the exporter: what others said is
    never taken for the author's.
    """
    start = next((at for at, line in enumerate(lines) if line.startswith(_WORDS)), len(lines))
    end = next((at for at in range(start + 1, len(lines)) if _BEHIND.match(lines[at])), len(lines))
    text = "\n".join(lines[start:end]).removeprefix(_WORDS).strip()
    answered = next((at for at in range(end, len(lines)) if lines[at].startswith(_REPLY)), len(lines))
    _, _, quoted = "\n".join(lines[answered:]).partition(_WORDS_OF_OTHERS)
    return text, quoted.strip()


def _record_of(author: str, whole: str, text: str) -> RecordKind | None:
    if phrase := open_phrase_book("qq-chat-exporter").find(whole) or open_phrase_book("qq").find(whole):
        return record_kind(phrase)
    if author in _QQ_ITSELF:
        return "notice"
    if text and not is_placeholder(text):
        return "words"
    return kind_without_words(whole)


def _parse_time(stamp: str) -> float:
    if not _STAMP.fullmatch(stamp):
        raise ValueError(f"{stamp} is no time")
    day, clock = stamp[:10], stamp[11:] or "00:00:00"
    hour, minute, second = map(int, clock.split(":"))
    if not (hour < 24 and minute < 60 and second < 60):
        raise ValueError(f"{stamp} is no time")
    return unix_seconds(_midnight(day) + 3600 * hour + 60 * minute + second)


@lru_cache(maxsize=16)
def _midnight(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
