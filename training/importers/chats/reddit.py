"""Reddit's data request (GDPR): comments.csv and posts.csv, which hold one person's own words."""

import re
from collections.abc import Iterator, Sequence

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds, is_id
from training.importers.reading.normalise import clean_text, parse_iso_time
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Reddit"
GUIDE = Guide(
    steps=(
        "On reddit.com/settings/data-request: choose the whole time or a range, then Request. Import the "
        "zip from Reddit's message as it is."
    ),
    reads="It reads your comments (comments.csv) and posts (posts.csv).",
    leaves_out=(
        "Lines that quote the answered comment, and what is deleted or removed, are left out; chats and "
        "votes are not read."
    ),
    marks=("id", "permalink", "date", "subreddit", "body"),
)
_DELETED = {"[deleted]", "[removed]"}
_COLUMNS = {"id", "permalink", "date", "subreddit", "body"}
_QUOTE = re.compile(
    r"^ {0,3}(?:>|&gt;)(?!!).*\n?", re.MULTILINE
)  # of the answered comment; >! begins a spoiler
_KIND = re.compile(r"t\d_")


def recognises(head: FileHead) -> bool:
    """Return True for Reddit's columns; YouTube Takeout's comments.csv has only the id of them."""
    return {*head.columns} >= _COLUMNS


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        ids = MessageIds()
        for row in read_rows(source):
            yield from _convert(row, source, log, ids)


def _convert(
    row: dict[str, str], source: Source, log: ImportLog, ids: MessageIds
) -> Iterator[ExportedMessage]:
    is_post = "title" in row
    body = _QUOTE.sub("", row.get("body", "")).strip()
    if body in _DELETED or row.get("title", "").strip() in _DELETED:
        log.skip("deleted")
        return
    try:
        time = parse_iso_time(row.get("date", ""))
    except ValueError:
        log.skip("without a date")
        return
    key = _KIND.sub("", row.get("id", ""), count=1)
    subreddit = f"r/{row.get('subreddit', '').removeprefix('r/')}"
    yield ExportedMessage(
        platform="reddit",
        chat=subreddit,
        id=("t3_" if is_post else "t1_") + key if is_id(key) else ids.derive(subreddit, time, body),
        author="self",
        author_name="",
        time=time,
        source=source.label,
        text=clean_text("\n\n".join(filter(None, (row.get("title", "").strip(), body)))),
        is_self=True,
        chat_kind="timeline",
        chat_name=subreddit,
        thread=row.get("link", ""),
        reply_to=None if is_post else _parent(row),
        kind="other" if is_post and not body and row.get("url") else "text",
    )


def _parent(row: dict[str, str]) -> str | None:
    """The id of the answered comment (t1_) or post (t3_); older exports leave the prefix out."""
    parent = row.get("parent", "").strip()
    if not parent or _KIND.match(parent):
        return parent or None
    return ("t3_" if f"/comments/{parent}" in row.get("link", "") else "t1_") + parent
