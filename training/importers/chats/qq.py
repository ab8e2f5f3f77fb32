"""QQ's message records as text: a head, a line with time, nickname and number, and the words below it."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean, drawn_id, numbered, seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind

TITLE = "QQ"
_HEAD = "消息记录（此消息记录为文本格式"
_LINE = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2}) (?P<clock>\d{1,2}:\d{2}:\d{2})(?P<half> [AP]M)? "
    r"(?P<name>.*?)(?:\((?P<number>\d{4,12})\)|<(?P<mail>[^<>]+@[^<>]+)>)\s*"
)
_PARTNER = re.compile(r"消息对象[:：](.*)")
_GROUP = re.compile(r"消息分组[:：](.*)")
_MACHINES = {"10000", "1000000", "2854196310"}  # the system, and two of QQ's own helpers
_PLACEHOLDERS: dict[str, Kind] = {
    "[图片]": "image",
    "[语音]": "audio",
    "[视频]": "video",
    "[文件]": "file",
    "[表情]": "sticker",
    "[动画表情]": "sticker",
}


def recognises(head: FileHead) -> bool:
    return _HEAD in head.text[:200] or ("消息对象" in head.text[:2000] and bool(_LINE.search(head.text)))


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat, is_group, seen = source.name, False, dict[str, int]()
        head: re.Match[str] | None = None
        text: list[str] = []
        for line in source.lines():
            following = _LINE.fullmatch(line.lstrip("\ufeff"))
            group, partner = _GROUP.fullmatch(line), _PARTNER.fullmatch(line)
            if not (following or group or partner):
                text.append(line)
                continue
            if head:
                yield from _said(head, text, chat, is_group, source, seen, tally)
            head, text = following, []
            is_group = "群" in group[1] if group else is_group
            chat = clean(partner[1]).strip() if partner else chat
        if head:
            yield from _said(head, text, chat, is_group, source, seen, tally)


def _said(
    head: re.Match[str],
    lines: list[str],
    chat: str,
    is_group: bool,
    source: Source,
    seen: dict[str, int],
    tally: ImportLog,
) -> Iterator[ExportedMessage]:
    try:
        moment = _moment(head)
    except ValueError:
        tally.skip("without a date")
        return
    author = head["number"] or head["mail"]
    text = clean("\n".join(line for line in lines if not line.startswith("=====")).strip())
    kind: Kind = "notice" if author in _MACHINES else _PLACEHOLDERS.get(text, "text")
    drawn = drawn_id(moment, author, text)
    yield ExportedMessage(
        platform="qq",
        chat=chat,
        id=drawn_id(drawn, numbered(drawn, seen)),
        author=author,
        author_name=clean(head["name"]).strip(),
        time=moment,
        source=source.label,
        text=text if kind == "text" else "",
        chat_kind="group" if is_group else "direct",
        chat_name=chat,
        local=True,
        kind=kind,
    )


def _moment(head: re.Match[str]) -> float:
    hour, minute, second = (int(part) for part in head["clock"].split(":"))
    if half := head["half"]:
        hour = hour % 12 + 12 * (half == " PM")
    day = datetime.fromisoformat(head["day"])
    return seconds(day.replace(hour=hour, minute=minute, second=second, tzinfo=UTC).timestamp())
