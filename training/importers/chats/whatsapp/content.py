"""The content of a WhatsApp message: words, attachments, and lines that WhatsApp wrote in their place."""

import re
from functools import cache
from typing import NamedTuple

from training.importers.chats.whatsapp.header import visible
from training.importers.reading.normalise import clean_text
from training.importers.reading.phrases import Phrase, open_phrase_book, phrases_of, record_kind
from training.importers.reading.record_kinds import RecordKind, file_kind

_MARK = "\u200e"  # WhatsApp on iOS writes it before its own lines, on both systems before some names
_ATTACHED = re.compile(r"<[^<>:\n]{1,40}: ?([^<>\n]+\.\w{2,5})>|(\S.*\.\w{2,5}) \(([^()]+)\)")
_LOCATION = re.compile(
    r"(?s:.{0,200}?): https?://(?:maps\.google\.com/\?q=-?\d|(?:www\.)?foursquare\.com/)\S*"
)
_MEDIA = ("image", "video", "audio", "sticker", "file")


class MessageContent(NamedTuple):
    """Words and attachment of a message. `id_text` is the text that its id is made of since version 0.1."""

    text: str
    kind: RecordKind
    media: tuple[str, ...] = ()
    edited: bool = False
    id_text: str = ""


def parse_content(raw: str) -> MessageContent:
    """Split the lines of a message into its words and its attachment; an attachment's caption is its text."""
    text, edited = _without_edit_mark(clean_text(visible(raw)).strip())
    first, _, caption = text.partition("\n")
    if name := _attached_file(first.strip()):
        caption = caption.strip()
        return MessageContent(caption, file_kind(name), (name,), edited, caption)
    if not text:
        return MessageContent("", "view once", (), edited)
    if phrase := _find_phrase(text):
        is_first = phrase.is_first and phrase.kind in _MEDIA
        return MessageContent("", record_kind(phrase), (), edited, "" if is_first else text)
    if "://" in text and _LOCATION.fullmatch(text):
        return MessageContent("", "location", (), edited, text)
    if _is_poll(text):
        return MessageContent("", "poll", (), edited, text)
    if raw.startswith(_MARK):
        return MessageContent("", "notice", (), edited, text)
    return MessageContent(text, "words", (), edited, text)


def _is_poll(text: str) -> bool:
    """Return whether a text is a poll: "POLL:", the question, "OPTION: tea (2 votes)", in any language."""
    first, *lines = text.rstrip().split("\n")
    is_headed = len(lines) > 1 and first.rstrip().endswith(":") and _is_label(first)
    return is_headed and _is_option(lines[-1])


def _is_option(line: str) -> bool:
    option = line.rstrip()
    votes = option[option.rfind("(") :]
    return option.endswith(")") and any(map(str.isdigit, votes)) and _is_label(line)


def _is_label(line: str) -> bool:
    """Return whether a line begins with a word in capitals, in scripts that have them, and a colon."""
    word, colon, _ = line.partition(":")
    word = word.strip()
    return bool(colon) and 3 <= len(word) <= 20 and word == word.upper() and not any(map(str.isspace, word))


def is_notice(raw: str) -> bool:
    """Return True if WhatsApp wrote this text, although an author's name may stand before it."""
    return parse_content(raw).kind in ("notice", "call")


def _without_edit_mark(text: str) -> tuple[str, bool]:
    """Return a text without the mark of an edit at its end, and whether it had one."""
    if text.endswith(">"):
        before, _, mark = text.rpartition("<")
        if mark[:-1].casefold().rstrip(".") in _edit_marks():
            return before.rstrip(), True
    return text, False


@cache
def _edit_marks() -> frozenset[str]:
    return frozenset(phrase.casefold() for phrase in phrases_of("whatsapp", "edited"))


@cache
def _attached_words() -> frozenset[str]:
    return frozenset(phrase.casefold() for phrase in phrases_of("whatsapp", "attached"))


def _attached_file(line: str) -> str:
    """Return the name of the file that a line attaches, or ""."""
    if line[-1:] not in (">", ")") or not (found := _ATTACHED.fullmatch(line)):
        return ""
    if found[1]:
        return found[1].strip()
    return found[2].strip() if found[3].casefold() in _attached_words() else ""


def _find_phrase(text: str) -> Phrase | None:
    book = open_phrase_book("whatsapp")
    return book.find(text) or (book.find(text.strip("<> ")) if text.endswith(">") else None)
