"""Comments that a person wrote on Instagram: which post they answer is not told, only whose it is.

Shapes: a list of `string_map_data` whose labels are in the person's language (post_comments_1.json), the
same under `comments_reels_comments` and `comments_story_comments`, and until 2023 `comments_media_comments`
with `string_list_data`. Sources: abrignoni/RLEAPP (instagramPostcom.py) and public parsers.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct, field

from training.importers.posts.meta.labels import is_label
from training.importers.posts.meta.owner import Owners
from training.importers.posts.meta.timeline import Timeline, media_kind
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import clean_text, repair_latin1
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

_LISTS = frozenset(("comments_media_comments", "comments_reels_comments", "comments_story_comments"))
_MAP = "[].string_map_data."


class InstagramField(Struct, gc=False):
    """The value or the time (seconds) behind a label."""

    value: str | None = ""
    timestamp: float | None = None


class CommentedFile(Struct, gc=False):
    uri: str | None = ""


class InstagramComment(Struct, gc=False):
    """A comment; `string_list_data` is the older shape."""

    string_map_data: dict[str, InstagramField] | None = field(default_factory=dict)
    string_list_data: list[InstagramField] | None = field(default_factory=list)
    media_list_data: list[CommentedFile] | None = field(default_factory=list)


def holds_comments(head: FileHead) -> bool:
    """Return whether a file has comments: by its key, or by a label for a comment's words."""
    if head.keys & _LISTS:
        return True
    labels = (
        key[len(_MAP) : -len(".value")]
        for key in head.keys
        if key.startswith(_MAP) and key.endswith(".value")
    )
    return any(is_label("comment label", _unescaped(label)) for label in labels)


def _unescaped(label: str) -> str:
    try:
        return msgspec.json.decode(f'"{label}"', type=str)
    except ValueError:
        return label


def read_comments(source: Source, owners: Owners, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the comments of a file."""
    document, names = JsonReader(source), owners.names("instagram", source)
    timeline = Timeline("instagram posts", names[0] if names else "", source, log)
    for comment in _comments(document):
        text, time = _words(comment)
        files = tuple(clean_text(each.uri) for each in comment.media_list_data or [] if each.uri)
        yield from timeline.post(time, text, media_kind(files), files, answers=True)
    log.skip("unreadable", document.unreadable)


def _comments(document: JsonReader) -> Iterator[InstagramComment]:
    if document.first() == b"[":
        yield from document.elements(InstagramComment)
        return
    for key in document.members():
        if key in _LISTS and document.first() == b"[":
            yield from document.elements(InstagramComment)


def _words(comment: InstagramComment) -> tuple[str, float | None]:
    """Return the words and the time. Of two values under unknown labels, the words stand before the owner."""
    fields = comment.string_map_data or {}
    values = {label: each.value for label, each in fields.items() if each.value}
    found = next((value for label, value in values.items() if is_label("comment label", label)), None)
    if found is None and len(values) == 2:
        found = next(value for label, value in values.items() if not is_label("media owner label", label))
    listed = comment.string_list_data or []
    text = found or next((each.value for each in listed if each.value), "") or ""
    times = (each.timestamp for each in (*fields.values(), *listed))
    return clean_text(repair_latin1(text)).strip(), next((time for time in times if time), None)
