"""Reddit's data request: comments.csv and posts.csv, which hold one person's own words."""

import re
from collections.abc import Iterator, Sequence

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean, iso
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Reddit"
_GONE = {"[deleted]", "[removed]"}
_COMMON = {"id", "permalink", "date", "subreddit", "body"}
_KIND = re.compile(r"t\d_")


def recognises(head: FileHead) -> bool:
    """YouTube's comments.csv has none of these columns but an id."""
    return {*head.columns} >= _COMMON


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for row in read_rows(source):
            yield from _said(row, source, tally)


def _said(row: dict[str, str], source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    is_post = "title" in row
    body = row.get("body", "").strip()
    if body in _GONE or row.get("title", "").strip() in _GONE:
        tally.skip("deleted")
        return
    try:
        moment = iso(row.get("date", ""))
    except ValueError:
        tally.skip("without a date")
        return
    subreddit = f"r/{row.get('subreddit', '').removeprefix('r/')}"
    yield ExportedMessage(
        platform="reddit",
        chat=subreddit,
        id=("t3_" if is_post else "t1_") + _KIND.sub("", row.get("id", ""), count=1),
        author="self",
        author_name="",
        time=moment,
        source=source.label,
        text=clean("\n\n".join(filter(None, (row.get("title", "").strip(), body)))),
        is_self=True,
        chat_kind="timeline",
        chat_name=subreddit,
        thread=row.get("link", ""),
        reply_to=None if is_post else _parent(row),
        kind="other" if is_post and not body and row.get("url") else "text",
    )


def _parent(row: dict[str, str]) -> str | None:
    """The comment or post that is answered; older exports leave out which of both it is."""
    parent = row.get("parent", "").strip()
    if not parent or _KIND.match(parent):
        return parent or None
    return ("t3_" if f"/comments/{parent}" in row.get("link", "") else "t1_") + parent
