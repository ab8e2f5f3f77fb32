"""iMessage: chat.db of a Mac (~/Library/Messages), or sms.db of an iPhone's backup, opened as a copy.

Tables and numbers as in ReagentX/imessage-exporter (imessage-database/src/tables/messages/message.rs and
docs/tables/messages.md) and ericcgladstone-maker/org-signal (docs/formats/imessage.md); no full database was
seen. Contacts are phone numbers and e-mail addresses there: names stand in another database. Times count from
2001, in nanoseconds since macOS 10.13 and in seconds before; a database may hold both.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from bot.errors import UserError
from training.importers.chats.imessage.rows import (
    MessageFile,
    missing_tables,
    number_of,
    read_rows,
)
from training.importers.chats.imessage.typed_stream import Edits, read_edits, stream_words
from training.importers.reading.database import MAGIC, has_tables, open_database
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_fields import text_of
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.phrases import open_phrase_book, record_kind
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Precision

TITLE = "iMessage (chat.db)"
GUIDE = Guide(
    steps=(
        "On a Mac, in Terminal (which needs System Settings > Privacy & Security > Full Disk Access): "
        "sqlite3 ~/Library/Messages/chat.db \".backup 'chat.db'\" copies the database to chat.db."
    ),
    reads=(
        "It reads iMessage, SMS and RCS messages, replies, edited messages as they are now, names of files."
    ),
    leaves_out="Left out are tapbacks, unsent messages, what apps wrote, automatic replies, deleted chats.",
    marks=("chat_message_join", "chat_handle_join", "attributedBody", "associated_message_type"),
)
_OWN = "me"
_EPOCH, _NANOSECONDS = 978_307_200, 1e12  # 2001-01-01 in Unix seconds; from this number on, not seconds
_GROUP = 43  # a chat's style
_SEARCHED = 8 << 20  # bytes in which the table's name stands: other tables may be declared before it
_LINK = "com.apple.messages.URLBalloonProvider"
_OBJECT = "\ufffc"  # the place of a file in the words
_NO_WORDS = "with words that cannot be decoded"
_EVENTS: dict[int, RecordKind] = {
    **dict.fromkeys((1, 2, 3, 5), "notice"),  # people, the name, leaving or pictures, a kept recording
    4: "location",
    6: "call",  # SharePlay
}
_BALLOONS: dict[str, RecordKind] = {
    "com.apple.PassbookUIService.PeerPaymentMessagesExtension": "payment",
    "com.apple.Handwriting.HandwritingProvider": "image",
    "com.apple.DigitalTouchBalloonProvider": "image",
    "com.apple.findmy.FindMyMessagesApp": "location",
    "com.apple.messages.Polls": "poll",
}


def recognises(head: FileHead) -> bool:
    if has_tables(head, "message", "chat_message_join"):
        return True
    return head.raw.startswith(MAGIC) and _holds(head.source, b"TABLE chat_message_join")


def _holds(source: Source, mark: bytes) -> bool:
    """Return whether a file has these bytes in its first part."""
    read, tail = 0, b""
    for chunk in source.chunks(again=True):
        if mark in tail + chunk:
            return True
        read, tail = read + len(chunk), chunk[-len(mark) :]
        if read >= _SEARCHED:
            break
    return False


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        with open_database(source) as database:
            if missing := missing_tables(database):
                tables = ", ".join(missing)
                raise UserError(f"{source} has no whole table {tables}: copy the Messages database again.")
            for row, files in read_rows(database, log):
                if message := _convert(row, files, source, log):
                    yield message


def _convert(
    row: sqlite3.Row, files: tuple[MessageFile, ...], source: Source, log: ImportLog
) -> ExportedMessage | None:
    if row["chat_guid"] is None:
        log.skip("in no chat")
        return None
    edits = read_edits(row["message_summary_info"]) if _may_be_edited(row) else Edits()
    words, is_own = _words(row, edits), bool(number_of(row["is_from_me"]))
    chat = text_of(row["chat_identifier"]) or text_of(row["chat_guid"]) or "chat"
    is_group = number_of(row["members"]) > 1 or row["style"] == _GROUP
    author = _OWN if is_own else text_of(row["handle"]) or ("" if is_group else chat)
    kind = kept_kind(*_record(row, words, edits, bool(files)), log)
    if kind is None or not _is_whole(row, words, files, kind == "text", author, log):
        return None
    try:
        time, precision = _parse_time(row["date"])
    except ValueError:
        log.skip("without a date")
        return None
    is_words = kind == "text"
    return ExportedMessage(
        platform="imessage",
        chat=clean_text(chat),
        id=clean_text(text_of(row["guid"])) or f"row {row['number']}",
        author=clean_text(author),
        author_name=clean_text("Me" if is_own else author),
        time=time,
        source=source.label,
        text=words if is_words else "",
        is_self=is_own if is_words else None,
        chat_kind="group" if is_group else "direct",
        chat_name=clean_text(text_of(row["chat_name"]) or chat),
        reply_to=clean_text(text_of(row["thread_originator_guid"])) or None,
        precision=precision,
        edited=number_of(row["date_edited"]) > 0,
        forwarded=bool(number_of(row["is_forward"])),
        kind=files[0].kind if is_words and files else kind,
        media=tuple(clean_text(file.name) for file in files) if is_words else (),
    )


def _may_be_edited(row: sqlite3.Row) -> bool:
    """Edits are told by a date since macOS 13; where that column is missing, by words that are missing."""
    has_body = row["attributedBody"] is not None or row["text"] is not None
    return number_of(row["date_edited"]) > 0 or not has_body


def _words(row: sqlite3.Row, edits: Edits) -> str:
    """The words as Messages shows them: a subject stands above them."""
    body = stream_words(row["attributedBody"]) or text_of(row["text"]) or edits.words
    lines = (clean_text(each).replace(_OBJECT, "").strip() for each in (text_of(row["subject"]), body))
    return "\n".join(filter(None, lines))


def _record(row: sqlite3.Row, words: str, edits: Edits, has_files: bool) -> tuple[RecordKind | None, str]:
    """Return the kind of a row, and the name by which an unknown one is counted."""
    associated, item = int(number_of(row["associated_message_type"])), int(number_of(row["item_type"]))
    balloon = text_of(row["balloon_bundle_id"])
    if associated not in (0, 2, 3):  # 2 and 3: an app's message
        is_tapback = associated == 1000 or 2000 <= associated < 4000
        return "reaction" if is_tapback else "poll" if associated == 4000 else None, f"tapback {associated}"
    if item:
        return _EVENTS.get(item), f"item {item}"
    if number_of(row["is_system_message"]):
        return "notice", ""
    if number_of(row["is_auto_reply"]):
        return "bot", ""
    if edits.is_unsent or (number_of(row["date_edited"]) > 0 and not words and not has_files):
        return "deleted", ""
    if balloon and balloon != _LINK:
        return _BALLOONS.get(balloon.rpartition(":")[2], "share"), ""
    phrase = open_phrase_book("sms").find(words) if row["service"] != "iMessage" else None
    return record_kind(phrase) if phrase else "words", ""


def _is_whole(
    row: sqlite3.Row,
    words: str,
    files: tuple[MessageFile, ...],
    is_words: bool,
    author: str,
    log: ImportLog,
) -> bool:
    """Return whether a row of words has words or a file, and an author; count it if not."""
    if not is_words:
        return True
    if not words and not files:
        log.skip("empty" if stream_words(row["attributedBody"]) == "" or not _has_body(row) else _NO_WORDS)
        return False
    if not author:
        log.skip("without an author")
    return bool(author)


def _has_body(row: sqlite3.Row) -> bool:
    return isinstance(row["attributedBody"], bytes) and row["attributedBody"] != b""


def _parse_time(date: object) -> tuple[float, Precision]:
    """Return Unix seconds. Raises ValueError for 0, which stands for none, and for no number."""
    number = number_of(date)
    if not number:
        raise ValueError("no time")
    if abs(number) < _NANOSECONDS:
        return unix_seconds(float(number + _EPOCH)), "second"
    return unix_seconds(round(number / 1e9 + _EPOCH, 3)), "millisecond"
