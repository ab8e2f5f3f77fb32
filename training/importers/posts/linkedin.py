"""LinkedIn's Shares.csv and Comments.csv: posts of one person, and comments below posts of others.

Columns as in ericcgladstone-maker/org-signal (docs/formats/linkedin.md) and in public readers of such
exports, seen in November 2026; no full export was seen. In Comments.csv a quote inside a text stands behind a
backslash, in Shares.csv it is doubled, and there each line of a text may stand between quotes of its own. The
zone of the dates is not known. Comments have no ids; of the answered posts only the address is there.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from training.importers.reading.csv_rows import parse_rows, read_rows
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, parse_iso_time
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "LinkedIn posts"
GUIDE = Guide(
    steps="Settings & Privacy > Data privacy > Download your data, the larger archive.",
    reads="It reads Shares.csv and Comments.csv: your posts, and your comments.",
    leaves_out=(
        "Left out are shares without words of yours, reactions, articles, the posts that you commented on."
    ),
    marks=("Date", "ShareLink", "ShareCommentary", "Message"),
)
_SHARES = {"Date", "ShareLink", "ShareCommentary"}
_COMMENTS = ("Date", "Link", "Message")
_CHAT = "LinkedIn"  # of posts and comments: a comment may answer a post of one's own


def recognises(head: FileHead) -> bool:
    return {*head.columns} >= _SHARES or head.columns == _COMMENTS


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        ids = MessageIds()
        for row in _rows(source):
            yield from _convert(row, source, ids, log)


def _rows(source: Source) -> Iterator[dict[str, str]]:
    if sniff_head(source).columns == _COMMENTS:
        return parse_rows(source, (line.replace('\\"', '""') for line in source.lines()))
    return read_rows(source)


def _convert(
    row: dict[str, str], source: Source, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    is_comment = "Message" in row
    text = clean_text(row["Message"] if is_comment else share_words(row.get("ShareCommentary", ""))).strip()
    record: RecordKind = "words" if text else "image" if row.get("MediaUrl", "").strip() else "share"
    if (kind := kept_kind(record, "", log)) is None:
        return
    try:
        time = parse_iso_time(row.get("Date", ""))
    except ValueError:
        log.skip("without a date")
        return
    link = clean_text(unquote(row.get("Link" if is_comment else "ShareLink", ""))).rpartition("/")[2]
    id = link if link and not is_comment else ids.derive(_CHAT, time, link, text)
    yield ExportedMessage(
        platform="linkedin-posts",
        chat=_CHAT,
        id=id,
        author="self",
        author_name="",
        time=time,
        source=source.label,
        text=text,
        is_self=True,
        chat_kind="timeline",
        chat_name=_CHAT,
        reply_to=link if link and is_comment else None,
        local=True,
        kind=kind,
    )


def share_words(text: str) -> str:
    """Return a post's words without the quotes that stand around each of its lines."""
    lines = text.replace("\r", "").split("\n")
    if len(lines) == 1 or not all(line.startswith('"') for line in lines[1:]):
        return text
    if not all(line.endswith('"') for line in lines[:-1]):
        return text
    first, *others = lines
    inner = (line.removeprefix('"').removesuffix('"') for line in others[:-1])
    return "\n".join((first.removesuffix('"'), *inner, others[-1].removeprefix('"')))
