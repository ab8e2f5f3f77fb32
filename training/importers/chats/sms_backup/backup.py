"""SMS Backup & Restore: `smses` with an `sms` or `mms` for each message, and `calls` in a file of its own.

Attributes as in SyncTech's list (synctech.com.au, "Fields in XML Backup Files") and kenn-io/msgvault
(internal/synctechsms/parser.go); no full backup was seen. RCS messages stand there as `mms`. Contacts are
phone numbers, of which the same person may have several forms; there are no ids, and no replies.
"""

import re
from collections.abc import Iterator, Sequence

from bot.errors import UserError
from training.importers.chats.sms_backup.records import (
    OWN,
    MmsBuilder,
    SmsRecord,
    call_record,
    reaction_form,
    sms_record,
)
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text
from training.importers.reading.phrases import Phrase, open_phrase_book, record_kind
from training.importers.reading.record_kinds import file_kind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.importers.reading.xml_tags import Tag, read_tags
from training.store.messages import ExportedMessage, Kind

TITLE = "SMS Backup & Restore"
GUIDE = Guide(
    steps="In the app SMS Backup & Restore: Back up now > Messages, then take sms-<date>.xml.",
    reads="It reads SMS, MMS and RCS messages with the names of files, and who wrote in groups.",
    leaves_out=(
        "Left out are drafts and messages that were not sent, reactions that came as texts, calls' words."
    ),
    marks=("smses", "sms", "mms", "contact_name", "msg_box"),
)
_LONGEST_EMOJI = 16  # characters
_ROOT = re.compile(
    r"\s*+(?:(?:<\?(?>.*?\?>)|<!--(?>.*?-->))\s*+)*+<(?:smses|calls)[\s>/]",
    re.DOTALL,
)
_ROOTS = frozenset(("smses", "calls"))
_BYTES = frozenset(("data",))  # a file in base64


def recognises(head: FileHead) -> bool:
    return bool(_ROOT.match(head.text))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        ids = MessageIds()
        for record in _records(source):
            if message := _convert(record, source, ids, log):
                yield message


def _records(source: Source) -> Iterator[SmsRecord]:
    """Yield the records of a backup. Raises UserError for one that ends before its root does."""
    message: MmsBuilder | None = None
    is_whole = False
    for tag in read_tags(source, _BYTES):
        is_whole |= tag.is_end and tag.name in _ROOTS
        if tag.is_start and tag.name == "sms":
            yield sms_record(tag.attributes)
        elif tag.is_start and tag.name == "call":
            yield call_record(tag.attributes)
        elif tag.name == "mms":
            message = MmsBuilder(tag.attributes) if tag.is_start else message
            if tag.is_end and message:
                yield message.build()
                message = None
        elif message and tag.is_start:
            _add(tag, message)
    if not is_whole:
        raise UserError(f"{source} ends in the middle: copy the backup again.")


def _add(tag: Tag, message: MmsBuilder) -> None:
    if tag.name == "part":
        message.add_part(tag.attributes)
    elif tag.name == "addr":
        message.add_address(tag.attributes)


def _convert(record: SmsRecord, source: Source, ids: MessageIds, log: ImportLog) -> ExportedMessage | None:
    reason, time = record.reason, 0.0
    try:
        time = record.time()
    except ValueError:
        reason = reason or "without a date"
    if not reason and not record.chat:
        reason = "without a number"
    text = clean_text("\n".join(record.lines).strip())
    kind: Kind | None = None
    if not reason:
        phrase = find_reaction(text) if record.kind == "words" else None
        kind = kept_kind(record_kind(phrase) if phrase else record.kind, "", log)
        if kind == "text":
            reason = "" if record.author else "without an author"
            reason = reason if text or record.files else "empty"
    if reason:
        log.skip(reason)
    return _message(record, time, text, kind, source, ids) if kind and not reason else None


def find_reaction(text: str) -> Phrase | None:
    """Return the phrase of a reaction that came as a text; None for words."""
    book = open_phrase_book("sms")
    form = reaction_form(text).strip()
    sign, to, quoted = form.partition(' to "')
    if to and quoted.endswith('"') and 0 < len(sign) <= _LONGEST_EMOJI and not any(map(str.isalnum, sign)):
        form = f"reacted {form}"  # Google Messages writes the sign alone
    return book.find(text) or book.find(form)


def _message(
    record: SmsRecord, time: float, text: str, kind: Kind, source: Source, ids: MessageIds
) -> ExportedMessage:
    chat, author = clean_text(record.chat), clean_text(record.author)
    is_words = kind == "text"
    files = record.files if is_words else []
    return ExportedMessage(
        platform="sms",
        chat=chat,
        id=ids.derive(chat, round(time * 1000), author, text),
        author=author,
        author_name=clean_text(record.author_name()),
        time=time,
        source=source.label,
        text=text if is_words else "",
        is_self=author == OWN if is_words else None,
        chat_kind="group" if record.is_group else "direct",
        chat_name=clean_text(record.name) or chat,
        precision="millisecond",
        kind=file_kind(files[0]) if files else kind,
        media=tuple(map(clean_text, files)),
    )
