"""The importers of all formats: find the exports at a path and read them as one stream of messages.

The format of a file is found by its content, never by its name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.errors import UserError
from training.importers.assistants import characters, claude, sillytavern
from training.importers.assistants.chatgpt import export as chatgpt
from training.importers.assistants.gemini import export as gemini
from training.importers.chats import (
    chatlab,
    discord_exporter,
    discord_package,
    linkedin,
    messenger_e2ee,
    qq,
    reddit,
    signal,
    snapchat,
    tiktok,
    viber,
    weibo,
)
from training.importers.chats.discord_history import export as discord_history
from training.importers.chats.element import export as element
from training.importers.chats.google import chat as google_chat
from training.importers.chats.google import hangouts as google_hangouts
from training.importers.chats.google import voice as google_voice
from training.importers.chats.imessage import database as imessage
from training.importers.chats.imessage import text_export as imessage_exporter
from training.importers.chats.kakaotalk import chat as kakaotalk
from training.importers.chats.line import chat as line
from training.importers.chats.qq_nt import export as qq_nt
from training.importers.chats.signal_plaintext import export as signal_plaintext
from training.importers.chats.sigtop import export as sigtop
from training.importers.chats.skype import export as skype
from training.importers.chats.slack import export as slack
from training.importers.chats.slack import slackdump
from training.importers.chats.sms_backup import backup as sms_backup
from training.importers.chats.telegram import export as telegram
from training.importers.chats.twitter import archive as twitter
from training.importers.chats.wechat import export as wechat
from training.importers.chats.whatsapp import chat as whatsapp
from training.importers.datasets import (
    alpaca,
    chatml,
    cutegpt,
    oasst,
    question_answer,
    sharegpt,
    texts,
    xtuner,
)
from training.importers.likeness import find_misspelt, find_nearest
from training.importers.posts import linkedin as linkedin_posts
from training.importers.posts import misskey
from training.importers.posts.bluesky import posts as bluesky
from training.importers.posts.mastodon import archive as mastodon
from training.importers.posts.meta import export as meta
from training.importers.reading.archive import list_sources
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_bounds import bound_message
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Meter, Source
from training.importers.texts import own_texts
from training.importers.texts.mail import export as mail
from training.importers.unread import describe_unread, pickle_refusal
from training.store.messages import ExportedMessage


class Format(Protocol):
    """A format as a module: its title, its guide, and the reader of its messages."""

    TITLE: str
    GUIDE: Guide

    def read(self, sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
        """Yield the messages of all files of one export. Raises UserError naming the file and its fault."""


class Importer(Format, Protocol):
    """A format with a test for its files."""

    def recognises(self, head: FileHead) -> bool:
        """Return True if a file with this head belongs to the format."""


# The first that recognises a file reads it: formats with fewer distinctive keys stand behind the others.
IMPORTERS: tuple[Importer, ...] = (
    twitter,
    bluesky,
    mastodon,
    misskey,
    element,
    skype,
    discord_exporter,
    discord_history,
    discord_package,
    chatlab,
    qq_nt,
    telegram,
    meta,
    messenger_e2ee,
    tiktok,
    snapchat,
    signal,
    signal_plaintext,
    sigtop,
    imessage,
    imessage_exporter,
    sms_backup,
    slackdump,
    slack,
    google_chat,
    google_voice,
    google_hangouts,
    reddit,
    weibo,
    wechat,
    kakaotalk,
    line,
    qq,
    mail,
    viber,
    whatsapp,
    linkedin,
    linkedin_posts,
    chatgpt,
    claude,
    gemini,
    sillytavern,
    characters,
    cutegpt,
    alpaca,
    sharegpt,
    oasst,
    chatml,
    xtuner,
    question_answer,
    texts,
)
FORMATS: tuple[Format, ...] = (*IMPORTERS, own_texts)
# a mark that only this exporter's HTML pages hold: how to export JSON instead
_HTML_ADVICE = {
    "tgme_page": telegram.ADVICE,
    'class="page_wrap': telegram.ADVICE,
    "chatlog__": discord_exporter.ADVICE,
    "preamble__": discord_exporter.ADVICE,
    "_a6-": meta.ADVICE,
    "_3-95": meta.ADVICE,
    "Gemini Apps": gemini.ADVICE,
}
_OTHER_HTML = "Export again, and choose JSON as the format"
_MOST_UNKNOWN = 200  # heads of files that no reader knows, of 64 KB each, from which a refusal is made
_X_PAGE = "Your archive.html"  # shows what the folder `data` beside it holds


@dataclass(frozen=True, slots=True)
class Export:
    """All files of one format at a path."""

    importer: Format
    sources: tuple[Source, ...]

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(source.size for source in self.sources)

    def read(self, log: ImportLog) -> Iterator[ExportedMessage]:
        """Yield the messages within `bound_message`. Raises UserError naming the file and its fault."""
        for message in self.importer.read(self.sources, log):
            if bounded := bound_message(message, log):
                yield bounded


def find_exports(
    path: Path, meter: Meter | None = None, with_texts: bool = False, log: ImportLog | None = None
) -> list[Export]:
    """Return the exports in a file, a zip or a folder; `with_texts`, also texts that no format knows.

    The log gets a note about the files that are not read although others are.

    Raises UserError with a remedy for a pickle, for an unreadable file and for a path without any export.
    """
    found: dict[str, list[Source]] = {}
    unknown, more = list[FileHead](), 0
    for source in list_sources(path, meter or Meter()):
        head = sniff_head(source)
        importer = None if head.is_archive else _importer_of(head)
        if importer is None and head.is_pickle:
            raise UserError(pickle_refusal(source))
        if importer:
            found.setdefault(importer.TITLE, []).append(source)
        elif with_texts and own_texts.is_text(head):
            found.setdefault(own_texts.TITLE, []).append(source)
        elif len(unknown) < _MOST_UNKNOWN:
            unknown.append(head)
        else:
            more += 1
    if not found:
        raise UserError(_no_export(path, unknown))
    if log and unknown:
        for sentence in describe_unread(unknown, more, IMPORTERS, found, _HTML_ADVICE):
            log.note(sentence)
    return [Export(each, tuple(found[each.TITLE])) for each in FORMATS if each.TITLE in found]


def _importer_of(head: FileHead) -> Importer | None:
    return next((each for each in IMPORTERS if each.recognises(head)), None)


def read_exports(path: Path, log: ImportLog | None = None) -> Iterator[ExportedMessage]:
    """Yield every message of the exports at a path. Raises UserError like `find_exports` and importers."""
    for export in find_exports(path):
        yield from export.read(log or ImportLog())


def _no_export(path: Path, unknown: list[FileHead]) -> str:
    """The reason why a path gives no export, and the remedy."""
    pages = [head for head in unknown if head.is_html]
    if pages and pages[0].source.name == _X_PAGE:
        return (
            f"{pages[0].source} only shows X's archive: import the zip, or the folder that the page lies in."
        )
    if pages:
        advice = next((advice for mark, advice in _HTML_ADVICE.items() if mark in pages[0].text), _OTHER_HTML)
        return f"{pages[0].source} is a page for people (HTML). {advice}, and import that."
    if archive := next((head.source for head in unknown if head.is_archive), None):
        return f"{archive} is an archive that is not opened here: unpack it, and import what it holds."
    if unknown and not any(head.raw.strip() for head in unknown):
        return f"{unknown[0].source} is empty: export it again."
    option = f" {own_texts.OPTION}" if any(map(own_texts.is_text, unknown)) else ""
    if misspelt := find_misspelt(unknown, IMPORTERS):
        return misspelt + option
    if nearest := find_nearest(unknown, IMPORTERS):
        return nearest.sentence + option
    listed = "`python -m training formats` lists all that are."
    return f"{path} holds no export that is known: {listed}{option}"
