"""Weibo posts as dataabc/weibo-crawler writes them: one CSV for each person. Weibo itself has no export."""

import re
from collections.abc import Iterator, Sequence

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds, is_id
from training.importers.reading.normalise import clean_text, parse_iso_time
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Precision

TITLE = "Weibo"
GUIDE = Guide(
    steps=(
        "With dataabc/weibo-crawler, as Weibo itself has no export: name your id under user_id_list in "
        "config.json, keep csv in write_mode, and run python weibo.py. Import the CSV file."
    ),
    reads="It reads posts, and reposts with a comment beside the original post.",
    leaves_out="Plain reposts, and the words of others that stand behind a // in a repost, are left out.",
    marks=("id", "bid", "正文", "日期"),
)
_COLUMNS = {"id", "bid", "正文", "日期"}
_QUOTED_POSTS = re.compile(r"(?<!\s)\s*+//\s*+@.*", re.DOTALL)
_ANSWERED = re.compile(r"\A(?:回复|回覆|Reply to )@[^:：\s]{1,60}[:：]\s*")  # Weibo writes it before a reply
_PLAIN_REPOST = {"", "转发微博", "轉發微博", "Repost", "repost"}


def recognises(head: FileHead) -> bool:
    return {*head.columns} >= _COLUMNS


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        ids = MessageIds()
        for row in read_rows(source):
            yield from _convert(row, source, log, ids)


def _convert(
    row: dict[str, str], source: Source, log: ImportLog, ids: MessageIds
) -> Iterator[ExportedMessage]:
    """Yield a post; before a repost with a comment, yield the original post."""
    text = clean_text(_ANSWERED.sub("", _QUOTED_POSTS.sub("", row.get("正文", "")).strip(), count=1))
    is_original = row.get("是否原创", "True").strip().lower() in ("true", "1", "是", "")
    pictures = tuple(part for part in row.get("原始图片url", "").split(",") if part and part != "无")
    if not is_original and text in _PLAIN_REPOST:
        log.skip("reposts")
        return
    try:
        time, precision = _parse_time(row)
    except ValueError:
        log.skip("without a date")
        return
    original = None if is_original else row.get("源微博id") or None
    if original and row.get("源微博正文"):
        yield _parent(row, original, time, source)
    yield ExportedMessage(
        platform="weibo",
        chat="self",
        id=next(filter(is_id, (row.get("id", ""), row.get("bid", ""))), "") or ids.derive("self", time, text),
        author="self",
        author_name="",
        time=time,
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


def _parent(row: dict[str, str], post_id: str, time: float, source: Source) -> ExportedMessage:
    """The post that was commented on; without a time of its own, it stands a second before the comment."""
    try:
        time = parse_iso_time(row.get("源微博完整日期") or row.get("源微博日期", ""))
    except ValueError:
        time -= 1
    return ExportedMessage(
        platform="weibo",
        chat="self",
        id=post_id,
        author=row.get("源用户id") or "unknown",
        author_name=clean_text(row.get("源用户昵称", "")),
        time=time,
        source=source.label,
        text=clean_text(row.get("源微博正文", "")),
        is_self=False,
        chat_kind="timeline",
        precision="day",
        local=True,
    )


def _parse_time(row: dict[str, str]) -> tuple[float, Precision]:
    if whole := row.get("完整日期", "").strip():
        return parse_iso_time(whole), "second"
    return parse_iso_time(row.get("日期", "")), "day"
