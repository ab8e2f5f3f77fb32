"""Bounds of one message of an export: names and lists of files are cut, longer messages are left out."""

from msgspec.structs import replace

from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import LONGEST_NAME, LONGEST_TEXT, derived_id
from training.store.messages import ExportedMessage

LONGEST_ID = 200  # characters: an id is a number or, where an export has none, a name
MOST_FILES, LONGEST_FILE = 100, 255  # files of a message, and characters of a file's name
MOST_LABELS = 10_000  # spans that an export marks in a text

_TOO_LONG = f"longer than {LONGEST_TEXT:,} characters"
_LONG_ID = f"with an id of more than {LONGEST_ID} characters"
_MANY_FILES = f"Of messages with more than {MOST_FILES} files, the names of the first {MOST_FILES} are kept."
_MANY_LABELS = f"with more than {MOST_LABELS:,} marked spans"


def bound_message(message: ExportedMessage, log: ImportLog) -> ExportedMessage | None:
    """Return a message within all bounds; None, counted in the log, for one that is beyond them.

    A long text is left out and not cut: a persona would learn to break off.
    """
    if reason := _excess(message):
        log.skip(reason)
        return None
    if message.media:
        message = _with_short_media(message, log)
    return message if _has_short_names(message) else _with_short_names(message)


def _excess(message: ExportedMessage) -> str:
    """Return the reason to leave a message out, or ""."""
    if len(message.text) > LONGEST_TEXT:
        return _TOO_LONG
    if len(message.labels) > MOST_LABELS:
        return _MANY_LABELS
    for id in (message.id, message.reply_to, message.quote, message.lang):
        if id and len(id) > LONGEST_ID:
            return _LONG_ID
    return ""


def _with_short_media(message: ExportedMessage, log: ImportLog) -> ExportedMessage:
    media = message.media
    if len(media) > MOST_FILES:
        log.note(_MANY_FILES)
    short = tuple(name[:LONGEST_FILE] for name in media[:MOST_FILES])
    return message if short == media else replace(message, media=short)


def _has_short_names(message: ExportedMessage) -> bool:
    return (
        len(message.author_name) <= LONGEST_NAME
        and len(message.chat_name) <= LONGEST_NAME
        and len(message.chat) <= LONGEST_ID
        and len(message.author) <= LONGEST_ID
        and len(message.platform) <= LONGEST_NAME
        and len(message.thread) <= LONGEST_ID
        and (message.reply_chat is None or len(message.reply_chat) <= LONGEST_ID)
    )


def _with_short_names(message: ExportedMessage) -> ExportedMessage:
    """Return a message whose names are cut and whose ids are short: each message of a chat repeats them.

    Of a long id the beginning and a hash stay: different ids stay different.
    """
    return replace(
        message,
        platform=message.platform[:LONGEST_NAME],
        chat=_short_id(message.chat),
        author=_short_id(message.author),
        thread=_short_id(message.thread),
        reply_chat=message.reply_chat and _short_id(message.reply_chat),
        author_name=message.author_name[:LONGEST_NAME],
        chat_name=message.chat_name[:LONGEST_NAME],
    )


def _short_id(name: str) -> str:
    return name if len(name) <= LONGEST_ID else name[:LONGEST_NAME] + derived_id(name)
