"""E-mail: mbox (Google Takeout, Thunderbird, Google Groups), Maildir, and files of one mail (.eml).

Sources: RFC 4155 (mbox), 5322, 2045 to 2047 and 3676; dcarrero/mboxshell (Takeout's mbox: a zone before the
year in its "From " lines, mixed line ends). Thunderbird marks deleted mails in X-Mozilla-Status. Letters
between two addresses are a thread by References and In-Reply-To, so that a mail has the same key in every
export. No mailbox of a person was seen.
"""

import re
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from functools import cache

from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, derived_id, unix_seconds
from training.importers.reading.phrases import Phrase, PhraseBook, phrases_of
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.importers.texts.mail.addresses import addresses_of, author_of
from training.importers.texts.mail.headers import Headers
from training.importers.texts.mail.mailboxes import is_mail_head, read_mails
from training.importers.texts.mail.own_words import own_words
from training.importers.texts.mail.parts import Mail
from training.importers.texts.mail.threads import Threads
from training.store.messages import ChatKind, ExportedMessage

TITLE = "E-mail"
GUIDE = Guide(
    steps=(
        "At takeout.google.com: Deselect all > Mail > Next step > Create export. In Thunderbird: the "
        "mailbox files below Profile Folder > Mail, or select mails > Save As (.eml). Import the file or "
        "the folder."
    ),
    reads=(
        "It reads mbox files, Maildir folders and .eml files: of each mail its author's own words, by "
        "threads. Say your addresses with --me."
    ),
    leaves_out=(
        "Quotes, signatures, forwarded mails, attachments, newsletters, automatic replies, drafts, spam and "
        "deleted mails are left out."
    ),
    marks=("From:", "Date:", "Subject:", "Message-ID:"),
)
_ID = re.compile(r"<([^<>\s]{1,998}+)>")
_REPLY_MARK = re.compile(
    r"(?:(?:re|aw|sv|antw|fwd?|wg|tr|rv|enc|回复|答复|转发|回覆|轉寄)(?:\[\d{1,3}\])?\s?[:：]\s*+)++",
    re.IGNORECASE,
)
_MACHINES = re.compile(r"(?:no-?reply|do-?not-?reply|mailer-daemon|postmaster|bounces?)[@+.-]", re.IGNORECASE)
_LONGEST_DATE, _LONGEST_SUBJECT, _LONGEST_LIST = 100, 300, 4_000  # characters
_DELETED = 0x0008  # a bit of X-Mozilla-Status
_MAILDIR_FLAGS = re.compile(r"[:;!]2,([A-Za-z]{0,30}+)\Z")  # of a file: D is a draft, T is in the trash
_LEFT_OUT = frozenset(("spam", "trash", "drafts"))


def recognises(head: FileHead) -> bool:
    return is_mail_head(head.raw)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        ids, threads = MessageIds(), Threads()
        for mail in read_mails(source):
            if reason := _reason_to_leave_out(mail, source):
                log.skip(reason)
            else:
                yield from _convert(mail, source, ids, threads, log)


def _reason_to_leave_out(mail: Mail, source: Source) -> str:
    headers = mail.headers
    labels = {label.strip().lower() for label in headers.text("x-gmail-labels").split(",")}
    status = headers.raw("x-mozilla-status")[:4]
    flags = _MAILDIR_FLAGS.search(source.name)
    if labels & _LEFT_OUT or (flags and not {"D", "T"}.isdisjoint(flags[1])):
        return "drafts, spam and deleted mails"
    if all(sign in "0123456789abcdefABCDEF" for sign in status) and int(status or "0", 16) & _DELETED:
        return "drafts, spam and deleted mails"
    return "newsletters and automatic mails" if _is_automatic(headers) else ""


def _is_automatic(headers: Headers) -> bool:
    """Return whether a program wrote the mail. A list that people write to has List-Post (RFC 2369)."""
    automatic = headers.raw("auto-submitted").lower().partition(";")[0].strip()
    if automatic not in ("", "no") or "x-autoreply" in headers or "x-autorespond" in headers:
        return True
    kind = headers.raw("content-type").partition(";")[0].strip().lower()
    precedence = headers.raw("precedence").lower()
    if kind == "multipart/report" or precedence in ("auto_reply", "junk"):
        return True
    if ("list-unsubscribe" in headers or precedence == "bulk") and "list-post" not in headers:
        return True
    subject = headers.text("subject")[:300]
    return (
        bool(_MACHINES.search(headers.raw("from")[:300])) or _automatic_subjects().find(subject) is not None
    )


def _convert(
    mail: Mail, source: Source, ids: MessageIds, threads: Threads, log: ImportLog
) -> Iterator[ExportedMessage]:
    headers = mail.headers
    author, name = author_of(headers)
    time = _time(headers)
    if time is None or not author:
        log.skip("without a date" if time is None else "without an author")
        return
    words = clean_text(own_words(*mail.text()))
    record: RecordKind = "event" if mail.has_event else "file" if mail.has_file and not words else "words"
    if record == "words" and not words:
        log.skip("without own words")
        return
    if (kind := kept_kind(record, "", log)) is None:
        return
    id = _short(_first_id(headers.raw("message-id")))
    reply_to = _last_id(headers.raw("in-reply-to")) or _last_id(headers.raw("references"))
    parent = _short(_first_id(headers.raw("references")) or reply_to)
    id = id or ids.derive("", int(time), author, words)
    subject = _REPLY_MARK.sub("", clean_text(headers.text("subject")), count=1).strip()
    yield ExportedMessage(
        platform="mail",
        chat=threads.add(id, parent),
        id=id,
        author=author,
        author_name=name or author,
        time=time,
        source=source.label,
        text=words if kind == "text" else "",
        chat_kind=_chat_kind(headers, author),
        chat_name=subject or author,
        reply_to=_short(reply_to) or None,
        kind=kind,
    )


def _time(headers: Headers) -> float | None:
    try:
        return unix_seconds(parsedate_to_datetime(headers.raw("date")[:_LONGEST_DATE]).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _chat_kind(headers: Headers, author: str) -> ChatKind:
    people = {address for name in ("to", "cc") for address in addresses_of(headers.raw(name))}
    return "group" if len(people - {author}) > 1 or "list-post" in headers else "direct"


def _first_id(field: str) -> str:
    found = _ID.search(field)
    return found[1] if found else ""


def _last_id(field: str) -> str:
    found = _ID.findall(field[-_LONGEST_LIST:])
    return found[-1] if found else ""


def _short(id: str) -> str:
    return clean_text(id if len(id) <= 150 else derived_id(id))


@cache
def _automatic_subjects() -> PhraseBook:
    return PhraseBook(Phrase("automatic", text, False) for text in phrases_of("mail", "automatic"))
