"""Google Voice by Takeout: a page of HTML for each conversation of texts, and for each call.

Pages as in kenn-io/msgvault (gvoice/parser.go), psanford/google-voice-takeout-parser (testdata) and
wjcarpenter/gvoice-sms-takeout-xml (test_data), seen in November 2026. Who exported is "Me" on each page, in
an element of its own, so that Phones.vcf, which has the numbers of that person, is not needed.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from training.importers.reading.guides import Guide
from training.importers.reading.html_text import html_words, unescape
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import LONGEST_NAME, clean_text, parse_iso_time
from training.importers.reading.phrases import open_phrase_book, record_kind
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Google Voice"
GUIDE = Guide(
    steps="At takeout.google.com: Deselect all > Voice > Next step > Create export.",
    reads=(
        "It reads texts of one person and of groups with authors and times; of calls and voicemails that "
        "they were."
    ),
    leaves_out="Left out are what was said in calls, transcripts of voicemails, and pictures.",
    marks=("hChatLog", "message", "sender vcard", "haudio"),
)
_RECORD = re.compile(r'<div class="(message|haudio)"[^<>]*+>')
_TIME = re.compile(r'<abbr class="(?:dt|published)" title="([^"<>]{1,40}+)"')
_PERSON = re.compile(
    r'<a class="tel" href="tel:([^"<>]*+)"[^<>]*+>\s*+<(span|abbr) class="fn"[^<>]*+>([^<>]*+)<'
)
_FILE = re.compile(r'<(?:(img|audio)[^<>]*?\bsrc|a class="(video|audio|vcard)" href)="([^"<>]*+)"')
_TITLE = re.compile(r"<title>([^<]*+)<")
_TO = re.compile(r"(?:Me to|(?:Placed|Received|Missed|Recorded) call (?:to|from|with)|Voicemail from)\s++")
_FILES: dict[str, RecordKind] = {"img": "image", "video": "video", "audio": "audio", "vcard": "contact"}
_ME, _NOBODY, _GROUP = "Me", "unknown", 'class="participants"'
_LONGEST = 1 << 20  # characters of a record; the rest is left out, as a text of that length is in any case


class VoicePerson(NamedTuple):
    """A person by number and name; `is_me` for who exported."""

    number: str
    name: str
    is_me: bool

    @property
    def id(self) -> str:
        return self.number or self.name


def recognises(head: FileHead) -> bool:
    return head.is_html and ('class="hChatLog' in head.text or 'class="haudio"' in head.text)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        page = VoicePage(source)
        for kind, text in _records(source):
            if exported := page.call(text, log) if kind == "haudio" else page.message(text, log):
                yield exported


def _records(source: Source) -> Iterator[tuple[str, str]]:
    """Yield the kind and the HTML of each record, up to where the next one begins."""
    kind, pieces, length = "", list[str](), 0
    for line in source.lines():
        at = 0
        for mark in _RECORD.finditer(line):
            if kind:
                yield kind, "\n".join((*pieces, line[at : mark.start()]))[:_LONGEST]
            kind, pieces, length, at = mark[1], [], 0, mark.end()
        if kind and length < _LONGEST:
            pieces.append(line[at : at + _LONGEST])
            length += len(pieces[-1])
    if kind:
        yield kind, "\n".join(pieces)


def _people(text: str) -> Iterator[VoicePerson]:
    for found in _PERSON.finditer(text):
        name = clean_text(unescape(found[3])).strip()
        yield VoicePerson(clean_text(found[1]), name or found[1], found[2] == "abbr" or name == _ME)


class VoicePage:
    """A page: a chat with one person is called like that person, a group by the numbers of its people."""

    def __init__(self, source: Source) -> None:
        self._source, self._ids = source, MessageIds()
        text = source.head().decode("utf-8", "replace")
        self._kind: ChatKind = "direct"
        before, _, group = text.partition(_GROUP)
        if group:
            people = list(_people(group.partition("</div>")[0]))
            self._kind = "group"
            self.chat = ",".join(sorted(person.id for person in people))
            self.name = ", ".join(person.name for person in people)[:LONGEST_NAME]
        else:
            title = _TITLE.search(before[:_LONGEST])
            shown = unescape(title[1]) if title else ""
            self.chat = self.name = clean_text(" ".join(_TO.sub("", shown, count=1).split()))
        if not self.chat:
            others = (each.name for each in _people(text) if each.name and not each.is_me)
            self.chat = self.name = next(others, _NOBODY)

    def message(self, text: str, log: ImportLog) -> ExportedMessage | None:
        """Return a text message; None, counted in the log, for one without a date or an author."""
        header, _, behind = text.partition("<q>")
        body, _, rest = behind.partition("</q>")
        author = next(_people(header), None)
        words = clean_text(html_words(body))
        files = [(found[1] or found[2], found[3]) for found in _FILE.finditer(rest)]
        record: RecordKind = _FILES[files[0][0]] if files else "words"
        if phrase := open_phrase_book("googlevoice").find(words):
            words, record = "", record if files else record_kind(phrase)
        if author is None:
            log.skip("without an author")
            return None
        return self._convert(text, record, author, words, tuple(name for _, name in files), log)

    def call(self, text: str, log: ImportLog) -> ExportedMessage | None:
        """Return that there was a call or a voicemail."""
        return self._convert(text, "call", VoicePerson("", "", False), "", (), log)

    def _convert(
        self,
        text: str,
        record: RecordKind,
        author: VoicePerson,
        words: str,
        files: tuple[str, ...],
        log: ImportLog,
    ) -> ExportedMessage | None:
        found = _TIME.search(text)
        try:
            time = parse_iso_time(found[1] if found else "")
        except ValueError:
            log.skip("without a date")
            return None
        if (kind := kept_kind(record, "", log)) is None:
            return None
        return ExportedMessage(
            platform="googlevoice",
            chat=self.chat,
            id=self._ids.derive(self.chat, time, author.id, words),
            author=author.id,
            author_name=author.name,
            time=time,
            source=self._source.label,
            text=words,
            is_self=author.is_me if kind != "notice" else None,
            chat_kind=self._kind,
            chat_name=self.name,
            precision="millisecond",
            kind=kind,
            media=tuple(clean_text(unescape(name)) for name in files),
        )
