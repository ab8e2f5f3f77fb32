"""LINE's text export: a header in the phone's language, a row a day, then time, sender and text by tabs.

Source: hellodigua/ChatLab, seen at commit 4e7ba91.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean_text, unique_id, unix_seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind

TITLE = "LINE"
_HEADER = re.compile(
    r"\s*\[LINE\]\s*(?:Chat history (?P<how>with|in) (?P<english>.+)|(?P<japanese>.+?)とのトーク履歴|"
    r"(?P<group>.+?)のトーク履歴|与(?P<chinese>.+?)的聊天[记記][录錄]|與(?P<taiwan>.+?)的聊天[记記][录錄]|(?P<other>.+))"
)
_YEAR_FIRST = re.compile(r"(\d{4})[./-](\d{1,2})[./-](\d{1,2})\.?(?:\s*[(（]?\w+[)）]?)?\s*")
_WEEKDAY_FIRST = re.compile(r"([A-Z][a-z]{2}),? (\d{1,2})/(\d{1,2})/(\d{4})\s*")
_WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
_ROW = re.compile(
    r"(?P<before>午前|午後|上午|下午|오전|오후|[AaPp][Mm])?\s?(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"\s?(?P<after>[AaPp][Mm])?\t(?P<author>[^\t]*)\t(?P<text>.*)",
    re.DOTALL,
)
_AFTERNOON = ("午後", "下午", "오후", "p", "P")
_PLACEHOLDERS: dict[str, Kind] = {
    **dict.fromkeys(("[Photo]", "[写真]", "[照片]", "[圖片]", "[图片]", "[사진]"), "image"),
    **dict.fromkeys(("[Video]", "[動画]", "[影片]", "[视频]", "[동영상]"), "video"),
    **dict.fromkeys(("[Sticker]", "[スタンプ]", "[貼圖]", "[贴图]", "[스티커]"), "sticker"),
    **dict.fromkeys(("[Voice message]", "[ボイスメッセージ]", "[語音訊息]", "[语音消息]"), "audio"),
    **dict.fromkeys(("[File]", "[ファイル]", "[檔案]", "[文件]", "[파일]"), "file"),
    **dict.fromkeys(
        ("[Location]", "[Contact]", "[位置情報]", "[連絡先]", "[Album]", "[アルバム]", "[Note]"), "other"
    ),
}


def recognises(head: FileHead) -> bool:
    return head.text.lstrip("\ufeff \n\r").startswith("[LINE]")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        yield from _chat(source, log)


def _chat(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    lines = source.lines()
    title = _HEADER.match(next(lines, "").lstrip("\ufeff"))
    groups = title.groupdict() if title else {}
    name = clean_text(
        next((part for key, part in groups.items() if part and key != "how"), source.name)
    ).strip()
    is_group = groups.get("how") == "in" or bool(groups.get("group"))
    me = "" if is_group else _me(source, name)
    day, seen = None, dict[str, int]()
    for line in _joined(lines):
        if found := _day(line):
            day = found
            seen.clear()
        elif (row := _ROW.match(line)) and day:
            yield _convert(row, day, name, is_group, me, source, seen)
        elif row:
            log.skip("without a date")
        elif line.strip() and day:
            log.skip("lines that are no message")


def _me(source: Source, partner: str) -> str:
    """The exporting user: in a chat of two that is named after one of them, the other; else ""."""
    rows = filter(None, map(_ROW.match, source.lines(again=True)))
    authors = {name for row in rows if (name := clean_text(row["author"]).strip())}
    return min(authors - {partner}) if len(authors) == 2 and partner in authors else ""


def _joined(lines: Iterator[str]) -> Iterator[str]:
    """Join the lines of a row whose text stands in double quotes."""
    for line in lines:
        row = _ROW.match(line)
        if row and row["text"].startswith('"') and not _is_closed(row["text"]):
            parts = [line]
            for more in lines:
                if _ROW.match(more) or _day(more):  # a quote that the sender typed
                    yield "\n".join(parts)
                    parts = [more]
                    break
                parts.append(more)
                if more.endswith('"'):
                    break
            line = "\n".join(parts)
        yield line


def _is_closed(text: str) -> bool:
    return len(text) > 1 and text.endswith('"')


def _day(line: str) -> date | None:
    """The day of a row that holds only a day; where its numbers fit two days, the weekday decides."""
    try:
        if found := _YEAR_FIRST.fullmatch(line):
            return _plausible(date(int(found[1]), int(found[2]), int(found[3])))
        if english := _WEEKDAY_FIRST.fullmatch(line):
            first, second, year = (int(english[at]) for at in (2, 3, 4))
            days = [date(year, *order) for order in ((first, second), (second, first)) if order[0] < 13]
            fitting = [day for day in days if _WEEKDAYS[day.weekday()] == english[1]]
            return _plausible((fitting or days)[0]) if days else None
    except ValueError:
        return None
    return None


def _plausible(day: date) -> date | None:
    """The day if LINE existed then, else None."""
    return day if 2011 <= day.year < 2100 else None


def _convert(
    row: re.Match[str], day: date, name: str, is_group: bool, me: str, source: Source, seen: dict[str, int]
) -> ExportedMessage:
    hour, half = int(row["hour"]), row["before"] or row["after"]
    if half:
        hour = hour % 12 + 12 * half.startswith(_AFTERNOON)
    time = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        hours=hour, minutes=int(row["minute"])
    )
    author, text = clean_text(row["author"]).strip(), clean_text(row["text"])
    if "\n" in text and text.startswith('"'):
        text = text[1:].removesuffix('"').replace('""', '"')
    kind: Kind = "notice" if not author else _PLACEHOLDERS.get(text.strip(), "text")
    return ExportedMessage(
        platform="line",
        chat=name,
        id=unique_id(seen, time, author, text),
        author=author,
        author_name=author,
        time=unix_seconds(time.timestamp()),
        source=source.label,
        text=text if kind == "text" else "",
        is_self=author == me if me and author else None,
        chat_kind="group" if is_group else "direct",
        chat_name=name,
        precision="minute",
        local=True,
        kind=kind,
    )
