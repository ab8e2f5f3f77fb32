"""The kinds of records in an export: a person's words, media, or a line that the messenger wrote itself."""

from typing import Literal, get_args

from training.importers.reading.import_log import ImportLog
from training.store.messages import Kind

RecordKind = Literal[
    "words",
    "image",
    "video",
    "audio",
    "sticker",
    "file",
    "location",
    "contact",
    "poll",
    "view once",
    "undelivered",
    "share",
    "event",
    "payment",
    "call",
    "notice",
    "reaction",
    "deleted",
    "bot",
]
MediaKind = Literal["image", "video", "audio", "sticker", "file"]
RECORD_KINDS: tuple[RecordKind, ...] = get_args(RecordKind)
# Every reader maps to these. Only a record of words has words that may be learned; the others are kept since
# the next message answers them.
KEPT: dict[RecordKind, Kind] = {
    "words": "text",
    **dict.fromkeys(("location", "contact", "poll", "view once", "undelivered"), "other"),
    **dict.fromkeys(("share", "event", "payment"), "other"),
    "image": "image",
    "video": "video",
    "audio": "audio",
    "sticker": "sticker",
    "file": "file",
    "call": "notice",
    "notice": "notice",
}
LEFT_OUT: dict[RecordKind, str] = {
    "reaction": "reactions",
    "deleted": "deleted by their author",
    "bot": "written by bots",
}
_BY_EXTENSION: dict[str, MediaKind] = {
    **dict.fromkeys("jpg jpeg png heic bmp tif tiff svg".split(), "image"),
    **dict.fromkeys("opus m4a mp3 ogg aac wav flac amr".split(), "audio"),
    **dict.fromkeys("mp4 mov mkv webm 3gp gif".split(), "video"),
    "webp": "sticker",
}


def kept_kind(kind: RecordKind | None, name: object, log: ImportLog) -> Kind | None:
    """Return the kind to keep a record as, or None for one that is left out.

    `name` is the export's own word or number for the kind. A kind that the reader does not know (None) is
    counted by that name and kept without words.
    """
    if kind is None:
        word = str(name)
        log.count_unknown(f"type {word}" if word.isdecimal() else word)
        return "other"
    if reason := LEFT_OUT.get(kind):
        log.skip(reason)
        return None
    return KEPT[kind]


def file_kind(path: str) -> MediaKind:
    """Return the kind of media by a file's extension."""
    return _BY_EXTENSION.get(path.rpartition(".")[2].lower(), "file")
