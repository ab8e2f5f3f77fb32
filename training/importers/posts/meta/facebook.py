"""Facebook's own posts and comments, also those in groups; titles are sentences that Facebook wrote.

Keys as in NorseKode/Waultar-App (documents/parser/content_examples.md) and abrignoni/RLEAPP
(facebookArchive.py); lists of 2018 to 2020 as `status_updates`, `comments` and `activity_log_data`.
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from training.importers.posts.meta.owner import Owners
from training.importers.posts.meta.timeline import Timeline, media_kind
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import clean_text, repair_latin1
from training.importers.reading.record_kinds import RecordKind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Label

# members of an object that hold records; what others wrote on one's timeline lies in wall_posts_sent_to_you
_LISTS = frozenset(
    (
        *("comments_v2", "comments", "group_comments_v2", "group_comments"),
        *("status_updates", "group_posts_v2", "group_posts", "anonymous_author_posts"),
    )
)
_LOG = "activity_log_data"
_OWN_KEYS = frozenset(("comments_v2", "group_comments_v2", "group_posts_v2", "status_updates"))
_RECORD_KEYS = ("data[].post", "data[].comment.comment", "data[].update_timestamp", "attachments[].data")
_MENTION = re.compile(r"@\[\d++:\d++:([^\[\]\n]++)\]")
_ATTACHED: dict[str, RecordKind] = {
    "external_context": "share",
    "event": "event",
    "life_event": "event",
    "poll": "poll",
    "place": "location",
}


class FacebookRecord(Struct, gc=False):
    """A post or a comment; `timestamp` is in seconds."""

    timestamp: float | None = None
    data: Any = None
    attachments: Any = None


def holds_posts(head: FileHead) -> bool:
    """Return whether a file is a list of records, or an object with such a list under a known key."""
    if head.keys & _OWN_KEYS or _are_records(head, "[]"):
        return True
    return any(_are_records(head, f"{key}[]") or _are_records(head, f"{key}.{_LOG}[]") for key in _LISTS)


def _are_records(head: FileHead, path: str) -> bool:
    return head.has(f"{path}.timestamp") and any(head.has(f"{path}.{key}") for key in _RECORD_KEYS)


def read_posts(source: Source, owners: Owners, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the posts and comments of a file."""
    document = JsonReader(source)
    names = owners.names("facebook", source)
    timeline = Timeline("facebook", names[0] if names else "", source, log)
    for record in _records(document):
        yield from _convert(record, names, timeline)
    log.skip("unreadable", document.unreadable)


def _records(document: JsonReader) -> Iterator[FacebookRecord]:
    if document.first() == b"[":
        yield from document.elements(FacebookRecord)
        return
    for key in document.members():
        if key in _LISTS and document.first() == b"[":
            yield from document.elements(FacebookRecord)
        elif key in _LISTS and document.first() == b"{":
            for inner in document.members():
                if inner == _LOG and document.first() == b"[":
                    yield from document.elements(FacebookRecord)


def _convert(record: FacebookRecord, names: tuple[str, ...], timeline: Timeline) -> Iterator[ExportedMessage]:
    items = _items(record.data)
    comment = next((each["comment"] for each in items if isinstance(each.get("comment"), dict)), None)
    if comment is not None and names and (author := _text(comment.get("author"))) and author not in names:
        timeline.log.skip("written by others")
        return
    words = [_text(comment.get("comment"))] if comment is not None else [_text(e.get("post")) for e in items]
    text, labels = _without_ids("\n\n".join(filter(None, words)).strip())
    files, attached = _attachments(record)
    yield from timeline.post(
        record.timestamp or None,
        text,
        media_kind(files) or attached or (None if text else "notice"),
        files,
        labels=labels,
        answers=comment is not None,
        edited=any(_is_later(each.get("update_timestamp"), record.timestamp) for each in items),
    )


def _items(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return clean_text(repair_latin1(value)) if isinstance(value, str) else ""


def _is_later(time: Any, than: float | None) -> bool:
    return isinstance(time, int | float) and than is not None and time > than


def _attachments(record: FacebookRecord) -> tuple[tuple[str, ...], RecordKind | None]:
    """Return the files of a record, and the kind of what else is attached."""
    files, kind = list[str](), None
    for item in (each for group in _items(record.attachments) for each in _items(group.get("data"))):
        media = item.get("media")
        if isinstance(media, dict) and isinstance(uri := media.get("uri"), str) and uri:
            files.append(clean_text(uri))
        kind = kind or next((_ATTACHED[key] for key in item if key in _ATTACHED), None)
    return tuple(files), kind


def _without_ids(text: str) -> tuple[str, tuple[Label, ...]]:
    """Return a text in which mentions are names, as Facebook shows them, and where these stand."""
    pieces, labels, length, at = list[str](), list[Label](), 0, 0
    for mention in _MENTION.finditer(text):
        pieces += text[at : mention.start()], mention[1]
        length += mention.start() - at
        labels.append((length, length + len(mention[1]), "mention"))
        length, at = length + len(mention[1]), mention.end()
    return "".join((*pieces, text[at:])), tuple(labels)
