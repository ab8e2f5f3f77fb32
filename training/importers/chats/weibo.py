"""Weibo, as weibo-crawler writes it: one table for each person."""

import re
from collections.abc import Iterator, Sequence

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean, iso
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Precision

TITLE = "Weibo"
_COLUMNS = {"id", "bid", "正文", "日期"}
_OTHERS = re.compile(r"\s*//\s*@.*", re.DOTALL)
_EMPTY = {"", "转发微博", "轉發微博", "Repost", "repost"}


def recognises(head: FileHead) -> bool:
    return {*head.columns} >= _COLUMNS


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for row in read_rows(source):
            yield from _said(row, source, tally)


def _said(row: dict[str, str], source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    """A post; with a comment on somebody else's, that one before it."""
    text = clean(_OTHERS.sub("", row.get("正文", "")).strip())
    is_original = row.get("是否原创", "True").strip().lower() in ("true", "1", "是", "")
    pictures = tuple(part for part in row.get("原始图片url", "").split(",") if part and part != "无")
    if not is_original and text in _EMPTY:
        tally.skip("reposts")
        return
    try:
        moment, precision = _moment(row)
    except ValueError:
        tally.skip("without a date")
        return
    original = None if is_original else row.get("源微博id") or None
    if original and row.get("源微博正文"):
        yield _parent(row, original, moment, source)
    yield ExportedMessage(
        platform="weibo",
        chat="self",
        id=row.get("id") or row.get("bid", ""),
        author="self",
        author_name="",
        time=moment,
        source=source.label,
        text=text,
        is_self=True,
        chat_kind="timeline",
        reply_to=original,
        precision=precision,
        local=True,
        edited=row.get("是否编辑过", "").strip().lower() in ("true", "1", "是"),
        kind="image" if pictures else "text",
        media=tuple(url.rpartition("/")[2] for url in pictures),
    )


def _parent(row: dict[str, str], number: str, moment: float, source: Source) -> ExportedMessage:
    """What was commented on; its time is not always told, and then it stands right before."""
    try:
        moment = iso(row.get("源微博完整日期") or row.get("源微博日期", ""))
    except ValueError:
        moment -= 1
    return ExportedMessage(
        platform="weibo",
        chat="self",
        id=number,
        author=row.get("源用户id") or "unknown",
        author_name=clean(row.get("源用户昵称", "")),
        time=moment,
        source=source.label,
        text=clean(row.get("源微博正文", "")),
        is_self=False,
        chat_kind="timeline",
        precision="day",
        local=True,
    )


def _moment(row: dict[str, str]) -> tuple[float, Precision]:
    if whole := row.get("完整日期", "").strip():
        return iso(whole), "second"
    return iso(row.get("日期", "")), "day"
