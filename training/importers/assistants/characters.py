"""Chats with characters in text-generation-webui, RisuAI and Agnai, and those that CAI Tools saves.

Keys as in SillyTavern's importers of these files (src/endpoints/chats.js), in RisuAI (src/ts/characters.ts)
and in text-generation-webui (modules/chat.py); no full export was seen. The form of text-generation-webui's
times is general knowledge. Most of these files name nobody: their sides are "user" and "character", and a
persona may be either.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field

from training.importers.reading.assistant_turns import read_object, read_objects, read_text, read_time
from training.importers.reading.english_dates import parse_english_date
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds, is_id
from training.importers.reading.normalise import clean_text
from training.importers.reading.record_kinds import kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Chats with characters"
GUIDE = Guide(
    steps=(
        "Of text-generation-webui: logs/chat; RisuAI, Agnai: export a chat as JSON; CAI Tools: save all "
        "chats."
    ),
    reads="It reads both sides: --me names user or character.",
    leaves_out="Left out are answers that were replaced, comments.",
    marks=("internal", "visible", "message", "msgs", "msg"),
)
_GREETING = "<|BEGIN-VISIBLE-CHAT|>"  # in place of words of the user, before the character's greeting
_SIDES = ("user", "character")
_PAIRS = re.compile(r'\s*+\{\s*+"internal"\s*+:\s*+\[\s*+\[')  # the visible words may stand behind the head
_RISU_MESSAGES = ("data.message[]", "data[].message[]")


class CharacterTurn(NamedTuple):
    """A turn of a file; `author` is a name, or a side. A comment is nobody's words."""

    author: str
    text: str
    time: float = 0.0
    id: str = ""
    is_local: bool = False
    is_comment: bool = False


class RisuChat(Struct, gc=False):
    """A chat of RisuAI."""

    id: Any = ""
    name: Any = ""
    message: list[Any] = field(default_factory=list)


class CaiHistory(Struct, gc=False):
    """A chat of character.ai, as CAI Tools saves it."""

    external_id: Any = ""
    msgs: list[Any] = field(default_factory=list)


def recognises(head: FileHead) -> bool:
    return bool(_program(head))


def _program(head: FileHead) -> str:
    """Return the name of the program that wrote a file, as a platform; "" for another file."""
    if _PAIRS.match(head.text) or (head.has("data") and (head.has("data_visible") or _GREETING in head.text)):
        return "textgen"
    if any(head.has("type", f"{each}.role", f"{each}.data") for each in _RISU_MESSAGES):
        return "risuai"
    if head.has("messages[].msg"):
        return "agnai"
    return "characterai" if head.has("histories.histories[].msgs[].src") else ""


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    readers = {"textgen": _textgen, "risuai": _risuai, "agnai": _agnai, "characterai": _characterai}
    for source in sources:
        platform, ids = _program(sniff_head(source)), MessageIds()
        for chat, turn in readers[platform](source, log):
            yield from _convert(platform, chat, turn, source, ids, log)


def _convert(
    platform: str, chat: str, turn: CharacterTurn, source: Source, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    kind = kept_kind("notice" if turn.is_comment else "words", "", log)
    if kind is None or not turn.text.strip():
        log.skip("empty")
        return
    yield ExportedMessage(
        platform=platform,
        chat=chat,
        id=turn.id if is_id(turn.id) else ids.derive(chat, turn.time, turn.author, turn.text),
        author=turn.author,
        author_name=turn.author,
        time=turn.time,
        source=source.label,
        text="" if turn.is_comment else turn.text.strip(),
        chat_name=chat,
        precision="none" if not turn.time else "minute" if turn.is_local else "millisecond",
        local=turn.is_local and bool(turn.time),
        kind=kind,
    )


def _stem(source: Source) -> str:
    return clean_text(source.name).removesuffix(".json") or source.name


def _textgen(source: Source, log: ImportLog) -> Iterator[tuple[str, CharacterTurn]]:
    """Yield the pairs of user and character; `metadata`, which stands behind them, has their times."""
    clocks = dict[str, Any]()
    document = JsonReader(source, again=True)
    for key in document.members():
        if key == "metadata":
            clocks = read_object(document.value(object))
    document, time = JsonReader(source), 0.0
    for key in document.members():
        if key not in ("internal", "data") or document.first() != b"[":
            continue
        for number in document.items():  # arrays, which `elements` reads one by one and copies its buffer
            pair = document.value(object)
            if not isinstance(pair, list):
                log.skip("unreadable")
                continue
            for role, side, words in zip(("user", "assistant"), _SIDES, pair, strict=False):
                time = _clock(read_object(clocks.get(f"{role}_{number}")).get("timestamp")) or time
                if read_text(words) not in ("", _GREETING):
                    yield _stem(source), CharacterTurn(side, read_text(words), time, is_local=True)
    log.skip("unreadable", document.unreadable)


def _clock(written: Any) -> float:
    return parse_english_date(read_text(written)) or read_time(written)


def _risuai(source: Source, log: ImportLog) -> Iterator[tuple[str, CharacterTurn]]:
    document = JsonReader(source)
    for key in document.members():
        if key == "data":
            is_list = document.first() == b"["
            chats = document.elements(RisuChat) if is_list else iter((document.value(RisuChat),))
            for number, chat in enumerate(chats):
                name = f"{_stem(source)} {number + 1}" if is_list else _stem(source)
                time = 0.0
                for message in read_objects(chat.message):
                    time = read_time(message.get("time")) or time
                    yield read_text(chat.id) or name, _risu_turn(message, time)
    log.skip("unreadable", document.unreadable)


def _risu_turn(message: dict[str, Any], time: float) -> CharacterTurn:
    return CharacterTurn(
        _SIDES[message.get("role") != "user"],
        read_text(message.get("data")),
        time,
        read_text(message.get("chatId")),
        is_comment=bool(message.get("isComment")),
    )


def _agnai(source: Source, log: ImportLog) -> Iterator[tuple[str, CharacterTurn]]:
    document = JsonReader(source)
    for key in document.members():
        if key == "messages":
            for message in document.elements(dict[str, Any]):
                side = _SIDES[not message.get("userId")]
                time, id = read_time(message.get("createdAt")), read_text(message.get("_id"))
                name = read_text(message.get("handle"))
                yield _stem(source), CharacterTurn(name or side, read_text(message.get("msg")), time, id)
    log.skip("unreadable", document.unreadable)


def _characterai(source: Source, log: ImportLog) -> Iterator[tuple[str, CharacterTurn]]:
    document = JsonReader(source)
    for key in document.members():
        for inner in document.members() if key == "histories" else ():
            if inner == "histories":
                for number, history in enumerate(document.elements(CaiHistory), 1):
                    chat = read_text(history.external_id) or f"{_stem(source)} {number}"
                    yield from ((chat, _cai_turn(message)) for message in read_objects(history.msgs))
    log.skip("unreadable", document.unreadable)


def _cai_turn(message: dict[str, Any]) -> CharacterTurn:
    speaker = read_object(message.get("src"))
    name = read_text(speaker.get("name")) or _SIDES[not speaker.get("is_human")]
    return CharacterTurn(name, read_text(message.get("text")), read_time(message.get("created")))
