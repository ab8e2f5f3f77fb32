"""QQ's message records as text: a header, then messages of a line "time nickname(number)" and words."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.phrases import open_phrase_book, record_kind
from training.importers.reading.record_kinds import kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

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
_PICTURES = re.compile(r"\[(?:图片|表情|动画表情)\]")  # beside words


def recognises(head: FileHead) -> bool:
    return _TITLE_LINE in head.text[:200] or (
        "消息对象" in head.text[:2000] and any(map(_AUTHOR_LINE.match, head.text.splitlines()))
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat, is_group, ids = source.name, False, MessageIds()
        author_line: re.Match[str] | None = None
        text: list[str] = []
        for line in source.lines():
            following = _AUTHOR_LINE.fullmatch(line.lstrip("\ufeff"))
            group, partner = _GROUP.fullmatch(line), _PARTNER.fullmatch(line)
            if not (following or group or partner):
                text.append(line)
                continue
            if author_line:
                yield from _convert(author_line, text, chat, is_group, source, ids, log)
            author_line, text = following, []
            is_group = "群" in group[1] if group else is_group
            chat = clean_text(partner[1]).strip() if partner else chat
        if author_line:
            yield from _convert(author_line, text, chat, is_group, source, ids, log)


def _convert(
    author_line: re.Match[str],
    lines: list[str],
    chat: str,
    is_group: bool,
    source: Source,
    ids: MessageIds,
    log: ImportLog,
) -> Iterator[ExportedMessage]:
    try:
        time = _parse_time(author_line)
    except ValueError:
        log.skip("without a date")
        return
    author = author_line["number"] or author_line["mail"]
    text = clean_text("\n".join(line for line in lines if not line.startswith("=====")).strip())
    phrase = open_phrase_book("qq").find(text)
    record = "notice" if author in _SYSTEM else record_kind(phrase) if phrase else "words"
    kind = kept_kind(record, "", log)
    if kind is None:
        return
    words = text if kind == "text" else ""
    if "[" in words:
        words = _PICTURES.sub("", words).strip()
    yield ExportedMessage(
        platform="qq",
        chat=chat,
        id=ids.derive(chat, time, author, text),
        author=author,
        author_name=clean_text(author_line["name"]).strip(),
        time=time,
        source=source.label,
        text=words,
        chat_kind="group" if is_group else "direct",
        chat_name=chat,
        local=True,
        kind="image" if kind == "text" and not words and text else kind,
    )


def _parse_time(author_line: re.Match[str]) -> float:
    hour, minute, second = (int(part) for part in author_line["clock"].split(":"))
    if half := author_line["half"]:
        hour = hour % 12 + 12 * (half == " PM")
    day = datetime.fromisoformat(author_line["day"])
    return unix_seconds(day.replace(hour=hour, minute=minute, second=second, tzinfo=UTC).timestamp())
