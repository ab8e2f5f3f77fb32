"""LinkedIn's messages.csv, and Profile.csv beside it, which says who "me" is.

Columns as in ericcgladstone-maker/org-signal (docs/formats/linkedin.md, from the structure of about thirty
exports of 2020 to 2026); no full export was seen. Columns come and go with the years and are found by name.
A message has no id, and its author is known by the address of a profile, which a sponsored one lacks.
"""

import re
from collections.abc import Iterator, Sequence

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.guides import Guide
from training.importers.reading.html_text import html_words, unescape
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, parse_iso_time
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "LinkedIn messages"
GUIDE = Guide(
    steps="Settings & Privacy > Data privacy > Download your data.",
    reads="It reads messages.csv, and Profile.csv for who you are.",
    leaves_out="Left out are drafts, the spam folder, sponsored messages, subjects.",
    marks=("CONVERSATION ID", "FROM", "SENDER PROFILE URL", "DATE", "CONTENT"),
)
_MESSAGES = {"CONVERSATION ID", "FROM", "DATE", "CONTENT"}
_PROFILE = {"First Name", "Last Name", "Headline", "Industry"}
_NOBODY = "linkedin member"  # who closed the account: many people have this name
_SPONSORED = "spinmail-quill-editor"
_YES = frozenset(("yes", "true", "1"))
_TAG = re.compile(r"</?+(?:p|br|div|span|a|ul|ol|li|b|i|strong|em)\b", re.IGNORECASE)


def recognises(head: FileHead) -> bool:
    return {*head.columns} >= _MESSAGES or _is_profile(head)


def _is_profile(head: FileHead) -> bool:
    return {*head.columns} >= _PROFILE


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    profiles = [source for source in sources if _is_profile(sniff_head(source))]
    owners = {name for source in profiles for row in read_rows(source) if (name := _full_name(row))}
    for source in (source for source in sources if source not in profiles):
        ids = MessageIds()
        for row in read_rows(source):
            yield from _convert(row, owners, source, ids, log)


def _full_name(row: dict[str, str]) -> str:
    return " ".join(f"{row.get('First Name', '')} {row.get('Last Name', '')}".split()).casefold()


def _convert(
    row: dict[str, str], owners: set[str], source: Source, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    if reason := _unsent_reason(row):
        log.skip(reason)
        return
    name = clean_text(row.get("FROM", "")).strip()
    chat = clean_text(row.get("CONVERSATION ID", "")).strip() or name
    author, content = _author(row, name, chat), clean_text(row.get("CONTENT", ""))
    text = message_words(content)
    files = tuple(filter(None, clean_text(row.get("ATTACHMENTS", "")).split(",")))
    record: RecordKind = "bot" if _SPONSORED in content else file_kind(files[0]) if files else "words"
    if (kind := kept_kind(record, "", log)) is None:
        return
    try:
        time = parse_iso_time(row.get("DATE", ""))
    except ValueError:
        log.skip("without a date")
        return
    is_self = " ".join(name.split()).casefold() in owners if owners else None
    yield ExportedMessage(
        platform="linkedin",
        chat=chat,
        id=ids.derive(chat, time, author, text),
        author=author,
        author_name=name,
        time=time,
        source=source.label,
        text=text,
        is_self=is_self,
        chat_kind="group" if row.get("RECIPIENT PROFILE URLS", "").count("/in/") > 1 else "direct",
        chat_name=clean_text(row.get("CONVERSATION TITLE", "")).strip()
        or (clean_text(row.get("TO", "")).strip() if is_self else name),
        kind=kind,
        media=tuple(file.rpartition("/")[2] for file in files),
    )


def _unsent_reason(row: dict[str, str]) -> str:
    """Return the reason to leave a row out, or ""."""
    if any(
        row.get(f"IS {what} DRAFT", "").strip().casefold() in _YES for what in ("MESSAGE", "CONVERSATION")
    ):
        return "drafts"
    return "in the spam folder" if row.get("FOLDER", "").strip().casefold() == "spam" else ""


def _author(row: dict[str, str], name: str, chat: str) -> str:
    """Return the last part of a profile's address, which is the person's; else the name."""
    url = clean_text(row.get("SENDER PROFILE URL", "")).partition("?")[0].strip().rstrip("/")
    if slug := url.rpartition("/in/")[2].rpartition("/")[2].casefold():
        return slug
    return f"{name} {chat}" if name.casefold() == _NOBODY else name


def message_words(content: str) -> str:
    """Return the words of a message, which is a piece of HTML or a plain text with entities."""
    return html_words(content) if _TAG.search(content) else unescape(content).strip()
