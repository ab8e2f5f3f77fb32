"""Today's QQ by qq-chat-exporter (JSON, JSON in parts, text) and by QQNT_Export (JSON).

Sources: shuakami/qq-chat-exporter at 888b51f and its tags v4.10.5 and v5.0.0 (types.rs, json_exporter.rs,
simple_parser.rs, text_exporter.rs, MessageParser.ts), its readers in hellodigua/ChatLab at 4e7ba91, and
Tealina28/QQNT_Export at 766888b (exporter/json/exporter.py). No full export was seen.
"""

from collections.abc import Callable, Iterator, Sequence

from training.importers.chats.qq_nt.database_export import is_database_export, read_database_export
from training.importers.chats.qq_nt.parts import Manifests, find_manifests, is_part
from training.importers.chats.qq_nt.records import (
    QqChatInfo,
    QqMessage,
    QqSender,
    author_of,
    media_of,
    parent_of,
    record_of,
    words_of,
)
from training.importers.chats.qq_nt.text_export import is_text_export, read_text_export
from training.importers.reading.decoding import read_json_lines
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, parse_iso_time, unix_seconds
from training.importers.reading.record_kinds import kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "QQ NT"
GUIDE = Guide(
    steps=(
        "With qq-chat-exporter: start the launcher > sign in to QQ > open http://localhost:40653/qce-v4-tool "
        "> choose a chat > export as JSON. With QQNT_Export: python main.py config.toml, and JSON as format."
    ),
    reads=(
        "It reads JSON, JSON in parts (manifest.json and chunks) and text of qq-chat-exporter; JSON of "
        "QQNT_Export."
    ),
    leaves_out=(
        "Left out are recalled messages, QQ's own notices, quoted and forwarded messages, mentions, names "
        "of faces."
    ),
    marks=("metadata", "chatInfo", "messages", "sender", "content", "elements"),
)
_MILLISECONDS = 10**11  # from here on a time is no number of seconds


def recognises(head: FileHead) -> bool:
    return _reader_of(head) is not None


def _is_document(head: FileHead) -> bool:
    return head.has("metadata", "chatInfo.name")


def _reader_of(head: FileHead) -> Callable[[Source, Manifests, ImportLog], Iterator[ExportedMessage]] | None:
    """Return the function that reads a file; None for a file of another format."""
    if _is_document(head):
        return _read_document
    if is_part(head):
        return _read_part
    if is_text_export(head):
        return lambda source, manifests, log: read_text_export(source, log)
    if is_database_export(head):
        return lambda source, manifests, log: read_database_export(source, log)
    return None


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    manifests = find_manifests([source for source in sources if _is_document(sniff_head(source))])
    manifests.note_missing(sources, log)
    for source in sources:
        if read_source := _reader_of(sniff_head(source)):
            yield from read_source(source, manifests, log)


def _read_part(source: Source, manifests: Manifests, log: ImportLog) -> Iterator[ExportedMessage]:
    chat = QqNtChat(manifests.chat_of(source), source)
    for message in read_json_lines(source, QqMessage):
        yield from chat.convert(message, log)


def _read_document(source: Source, manifests: Manifests, log: ImportLog) -> Iterator[ExportedMessage]:
    document, chat = JsonReader(source), QqNtChat(QqChatInfo(), source)
    for key in document.members():
        if key == "chatInfo":
            chat = QqNtChat(document.value(QqChatInfo), source)
        elif key == "messages":
            for message in document.elements(QqMessage):
                yield from chat.convert(message, log)
    log.skip("unreadable", document.unreadable)


class QqNtChat:
    """The chat of a file.

    Its name is its id: only the newest version tells the number of a chat, and a chat that is exported by an
    older one too is to be known again.
    """

    def __init__(self, info: QqChatInfo, source: Source) -> None:
        self._name, self._source = clean_text(info.name or "").strip() or source.name, source.label
        self._is_group, self._ids = info.type == "group", MessageIds()
        self._selves = {str(id) for id in (info.selfUid, info.selfUin) if id}

    def convert(self, message: QqMessage, log: ImportLog) -> Iterator[ExportedMessage]:
        """Yield a message, or nothing where it is left out."""
        try:
            time = parse_time(message.timestamp)
        except (ValueError, OverflowError):
            log.skip("without a date")
            return
        text = clean_text(words_of(message))
        kind = kept_kind(*record_of(message, text), log)
        if kind is None:
            return
        sender = message.sender or QqSender()
        author = "" if kind == "notice" else author_of(sender) or str(sender.name or "")
        media = media_of(message)
        if kind == "text" and media != "words":
            kind = kept_kind(media, "", log) or kind
        id = clean_text(str(message.id or message.messageId or ""))
        yield ExportedMessage(
            platform="qq",
            chat=self._name,
            id=self._ids.choose(id, self._name, time, author, text),
            author=clean_text(author),
            author_name=clean_text(_name_of(message, sender) or author) if author else "",
            time=time,
            source=self._source,
            text="" if kind == "notice" else text,
            is_self=self._is_self(sender) if author else None,
            chat_kind="group" if self._is_group else "direct",
            chat_name=self._name,
            reply_to=parent_of(message),
            kind=kind,
        )

    def _is_self(self, sender: QqSender) -> bool | None:
        if not self._selves:
            return None
        return not self._selves.isdisjoint((str(sender.uid or ""), str(sender.uin or "")))


def parse_time(value: float | str) -> float:
    """Return the seconds of a time. Raises ValueError for no time and for one of the export itself.

    QQ counts in whole seconds: where it knows no time, the exporter writes the present, with milliseconds.
    """
    if isinstance(value, str):
        return float(int(parse_iso_time(value)))
    if value > _MILLISECONDS:
        if value % 1000:
            raise ValueError(f"{value} is the time of the export")
        value = value // 1000
    return unix_seconds(value)


def _name_of(message: QqMessage, sender: QqSender) -> str:
    raw = message.rawMessage or {}
    return str(raw.get("sendMemberName") or sender.name or raw.get("sendNickName") or sender.nickname or "")
