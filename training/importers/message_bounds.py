"""Bounds of one message of an export: names and lists of files are cut, longer messages are left out."""

import msgspec

from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import LONGEST_NAME, LONGEST_TEXT
from training.store.messages import ExportedMessage

LONGEST_ID = 500  # characters of an id of a message, a chat, a thread or an author
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
    if len(message.media) > MOST_FILES:
        log.note(_MANY_FILES)
    return _with_short_names(message)


def _excess(message: ExportedMessage) -> str:
    """Return the reason to leave a message out, or ""."""
    if len(message.text) > LONGEST_TEXT:
        return _TOO_LONG
    if len(message.labels) > MOST_LABELS:
        return _MANY_LABELS
    ids = (message.id, message.chat, message.author, message.thread, message.reply_to, message.reply_chat)
    return _LONG_ID if any(id and len(id) > LONGEST_ID for id in (*ids, message.quote, message.lang)) else ""


def _with_short_names(message: ExportedMessage) -> ExportedMessage:
    """Return a message whose names have a bounded length: each line of the store repeats them."""
    author, chat, media = message.author_name, message.chat_name, message.media
    short = tuple(name[:LONGEST_FILE] for name in media[:MOST_FILES]) if media else media
    if len(author) <= LONGEST_NAME and len(chat) <= LONGEST_NAME and short == media:
        return message
    return msgspec.structs.replace(
        message, author_name=author[:LONGEST_NAME], chat_name=chat[:LONGEST_NAME], media=short
    )
