"""sigtop: a file for each chat of Signal Desktop, in blocks of text, as lines ("text-short") or as JSON.

Source: tbvdm/sigtop, seen at commit ba5e721 (cmd/sigtop/fmt_text.go, fmt_json.go) and 067d891
(fmt_text_short.go); no full export was seen. "You" is who exported. The lines have the exporter's clock, the
blocks its zone with each time. Only JSON has ids: the time at which a message was sent.
"""

from collections.abc import Iterator, Sequence

from training.importers.chats.sigtop.records import (
    GROUP,
    NAMED_OWN,
    OWN,
    TYPES,
    SigtopMessage,
    SigtopName,
    split_name,
)
from training.importers.chats.sigtop.rows import read_rows
from training.importers.chats.sigtop.texts import (
    is_block_text,
    is_short_text,
    read_blocks,
    read_short_lines,
)
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text
from training.importers.reading.record_kinds import file_kind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Signal (sigtop)"
GUIDE = Guide(
    steps="With sigtop, beside Signal Desktop: sigtop export-messages signal-chats makes the folder.",
    reads="It reads texts in their last version, names of files; replies in JSON.",
    leaves_out="Left out are reactions, quoted messages, calls, deleted messages, JSON without words.",
    marks=("Conversation", "From", "Type", "Sent", "conversationId", "sent_at"),
)
_ENDS = (".json", ".txt")


def recognises(head: FileHead) -> bool:
    if head.text.lstrip()[:1] == "[":
        return head.has("[].conversationId", "[].type", "[].sent_at")
    return is_block_text(head.text) or is_short_text(head.text)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        ids, chat = MessageIds(), _named_chat(source)
        text = sniff_head(source).text
        if text.lstrip()[:1] == "[":
            for id, message in read_rows(source, log):
                yield from _convert(message, clean_text(id) or chat.id, chat, source, ids, log)
            continue
        reader = read_blocks if is_block_text(text) else read_short_lines
        if is_block_text(text):
            chat = split_name(
                text.lstrip("\ufeff \r\n").partition("\n")[0].rstrip("\r").removeprefix("Conversation: ")
            )
        for message in reader(source.lines(), log):
            yield from _convert(message, chat.id, chat, source, ids, log)


def _named_chat(source: Source) -> SigtopName:
    """The chat that a file is named after."""
    name = source.name
    for end in _ENDS:
        name = name.removesuffix(end)
    return split_name(name or source.name)


def _convert(
    message: SigtopMessage, id: str, chat: SigtopName, source: Source, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    words = clean_text(message.words)
    kind = kept_kind(message.record or TYPES.get(message.type), message.type or "no type", log)
    is_words = kind == "text"
    if is_words and not words and not message.files:
        log.skip("empty")
        return
    if kind is None:
        return
    is_own = message.sender == NAMED_OWN
    sender = SigtopName("Me", OWN) if is_own else split_name(message.sender) if message.sender else chat
    is_direct = chat.detail != GROUP
    files = message.files if is_words else ()
    yield ExportedMessage(
        platform="signal",
        chat=id,
        id=message.id or ids.derive(id, message.time, sender.id, words),
        author=sender.id,
        author_name=chat.name if is_direct and not is_own else sender.name,
        time=message.time,
        source=source.label,
        text=words if is_words else "",
        is_self=is_own if is_words else None,
        chat_kind="direct" if is_direct else "group",
        chat_name=chat.name,
        reply_to=message.reply_to,
        precision=message.precision,
        local=message.local,
        edited=message.is_edited,
        kind=file_kind(files[0]) if files else kind,
        media=tuple(map(clean_text, files)),
    )
