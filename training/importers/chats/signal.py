"""Signal by signal-export: a folder for each chat with data.json, a message a line, and chat.md, a text.

Source: carderne/signal-export, seen at commit 13251e0 (models.py, create.py). A folder has both files
with the same messages: those of data.json are taken, and of chat.md what is missing there. "Me" is who
exported; times are the exporter's clock.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec import Struct, field

from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.decoding import read_json_lines
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.phrases import open_phrase_book, record_kind
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.key_set import KeySet
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Signal (signal-export)"
GUIDE = Guide(
    steps=(
        "With signal-export on a computer that has Signal Desktop: pip install signal-export, then "
        "sigexport FOLDER. Import that folder."
    ),
    reads="It reads the messages of each chat from data.json, and from chat.md what is missing there.",
    leaves_out="Reactions, stickers, quoted messages, deleted messages and calls are no words.",
    marks=("date", "sender", "body", "quote"),
)
_ME, _NOBODY = "Me", "No-Sender"
_HEADER = re.compile(r"\[(\d{4}-\d{2}-\d{2}),? (\d{2}:\d{2}(?::\d{2})?)\] ([^:\n]{1,200}): ?(.*)", re.DOTALL)
_HEADER_SENDER = re.compile(r"\A\[\d{4}-\d{2}-\d{2},? [\d:]{5,8}\] ([^:\n]{1,200}):")
_JSON_SENDER = re.compile(r'"sender": "((?:[^"\\]|\\.)*)"')
_FILE = re.compile(r"!?\[([^\[\]\n]*)\]\((\.[^()\n]*)\)\s*\Z")
_REACTIONS = re.compile(r"(?:\A|\n)\(- [^\n]* -\)\s*\Z")
_STICKER = re.compile(r"(?:\A|\n)\(\( [^\n]* \)\)\s*\Z")
_MOST_FILES = 100
_FIRST_MESSAGES = 20


class SignalFile(Struct, gc=False):
    """An attachment."""

    name: str | None = ""
    path: str = ""


class SignalMessage(Struct, gc=False):
    """A line of data.json."""

    date: str = ""
    sender: str | None = ""
    body: str | None = ""
    quote: str | None = ""
    sticker: Any = None
    reactions: Any = None
    attachments: list[SignalFile] = field(default_factory=list)
    deleted: bool = False
    call: bool = False


class SignalText(NamedTuple):
    """The parts of a message in chat.md."""

    words: str
    files: tuple[str, ...] = ()
    has_sticker: bool = False


def recognises(head: FileHead) -> bool:
    return head.has("date", "sender", "body", "quote") if _is_json(head) else _is_chat(head.text)


def _is_json(head: FileHead) -> bool:
    return head.text.lstrip()[:1] == "{"


def _is_chat(text: str) -> bool:
    """Return whether a text is a chat.md: most of its bodies end with the two blanks of a line break."""
    messages, found = 0, 0
    lines = text.lstrip("\ufeff \r\n").split("\n")
    if not _HEADER.match(lines[0]):
        return False
    ended = False
    for line in lines:
        if _HEADER.match(line):
            messages += 1
            ended = False
            if messages > _FIRST_MESSAGES:
                break
        if line.rstrip("\r").endswith("  ") and not ended:
            found, ended = found + 1, True
    return found * 2 >= messages


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    heads = [sniff_head(source) for source in sources]
    known: dict[str, KeySet] = {}
    for source in (head.source for head in heads if _is_json(head)):
        keys = known.setdefault(_folder(source), KeySet())
        for message in _lines(SignalChat(source, _JSON_SENDER), log):
            keys.add("", message.chat, message.id)
            yield message
    for source in (head.source for head in heads if not _is_json(head)):
        folder = _folder(source)
        keys = known.get(folder, KeySet())
        for message in _chat(SignalChat(source, _HEADER_SENDER), ImportLog() if folder in known else log):
            if keys.add("", message.chat, message.id):
                yield message


class SignalChat:
    """The chat of a file: its name is that of the folder, and a group has more than two senders."""

    def __init__(self, source: Source, sender: re.Pattern[str]) -> None:
        self.source, self.ids = source, MessageIds()
        self.name = clean_text(_folder(source).rpartition("/")[2]) or source.name
        self.kind: ChatKind = "direct"
        senders = {_ME, _NOBODY}
        for line in source.lines(again=True):
            if found := sender.search(line):
                senders.add(found[1])
                if len(senders) > 3:
                    self.kind = "group"
                    break


def _folder(source: Source) -> str:
    return f"{source.root}/{source.path}".replace("\\", "/").rstrip("/").rpartition("/")[0]


def _lines(chat: SignalChat, log: ImportLog) -> Iterator[ExportedMessage]:
    for message in read_json_lines(chat.source, SignalMessage):
        record: RecordKind = "deleted" if message.deleted else "call" if message.call else "words"
        body = message.body or ""
        text = SignalText(
            body.strip(), tuple(file.path for file in message.attachments), bool(message.sticker)
        )
        yield from _convert(message.date, message.sender or _NOBODY, text, record, chat, log)


def _chat(chat: SignalChat, log: ImportLog) -> Iterator[ExportedMessage]:
    header, lines = None, BoundedLines()
    for line in chat.source.lines():
        if following := _HEADER.match(line):
            if header:
                yield from _convert_text(header, lines, chat, log)
            header, lines = following, BoundedLines(following[4])
        elif header:
            lines.add(line)
    if header:
        yield from _convert_text(header, lines, chat, log)


def _convert_text(
    header: re.Match[str], lines: list[str], chat: SignalChat, log: ImportLog
) -> Iterator[ExportedMessage]:
    text = split_text(_without_quote(lines))
    yield from _convert(f"{header[1]}T{header[2]}", header[3], text, "words", chat, log)


def _without_quote(lines: list[str]) -> str:
    """Return a body without the quoted message, which stands first, between two empty lines."""
    if lines[0].strip() or len(lines) < 3 or lines[1].strip() or not lines[2].startswith("> "):
        return "\n".join(lines)
    end = next((at for at in range(2, len(lines)) if not lines[at].startswith(">")), len(lines))
    return "\n".join(lines[end:])


def split_text(body: str) -> SignalText:
    """Split a body in chat.md into words and what stands behind them: reactions, a sticker, files."""
    files, has_sticker = list[str](), False
    body = body.rstrip()
    while len(files) < _MOST_FILES and body.endswith(")") and (found := _FILE.search(body[-1000:])):
        body = body[: len(body) - len(found[0])].rstrip()
        if "/exported_stickers/" in found[2]:
            has_sticker = True
        else:
            files.append(found[2])
    for pattern, is_sticker in ((_STICKER, True), (_REACTIONS, False)):
        if found := pattern.search(body, max(0, body.rfind("\n", 0, len(body)))):
            body, has_sticker = body[: found.start()].rstrip(), has_sticker or is_sticker
    return SignalText(body.strip(), tuple(reversed(files)), has_sticker)


def _convert(
    date: str, sender: str, body: SignalText, record: RecordKind, chat: SignalChat, log: ImportLog
) -> Iterator[ExportedMessage]:
    try:
        time = unix_seconds(float(int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp())))
    except (ValueError, OverflowError):
        log.skip("without a date")
        return
    text, author = clean_text(body.words), clean_text(sender)
    if record == "words" and (phrase := open_phrase_book("signal").find(text)):
        record = record_kind(phrase)
    if (kind := kept_kind(record, "", log)) is None:
        return
    is_words = kind == "text"
    if is_words and (body.files or body.has_sticker):
        kind = file_kind(body.files[0]) if body.files else "sticker"
    yield ExportedMessage(
        platform="signal",
        chat=chat.name,
        id=chat.ids.derive(chat.name, time, author, text),
        author="" if author == _NOBODY and not is_words else author,
        author_name=author,
        time=time,
        source=chat.source.label,
        text=text if is_words else "",
        is_self=author == _ME if is_words else None,
        chat_kind=chat.kind,
        chat_name=chat.name,
        local=True,
        kind=kind,
        media=tuple(clean_text(file.rpartition("/")[2]) for file in body.files) if is_words else (),
    )
