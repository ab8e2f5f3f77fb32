"""Gemini's "Conversation History" of accounts at work: a JSON document for each, named conversation_1.txt.

Keys as in a public reader that was tried on a real export, seen in November 2026. A turn that was edited or
answered again stands there twice under one number: the last one counts.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from training.importers.reading.assistant_turns import (
    UNKNOWN_SIDE,
    Conversation,
    Turn,
    read_object,
    read_objects,
    read_text,
    read_time,
    turn_message,
)
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.record_kinds import LEFT_OUT
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

_EARLIER = "turns that were edited or answered again"


class GeminiConversation(Struct, gc=False):
    title: Any = ""
    creation_time: Any = ""
    conversation_turns: list[Any] = field(default_factory=list)


def recognises(head: FileHead) -> bool:
    return head.has("conversation_turns") and any(
        f"conversation_turns[].{side}" in head.keys for side in ("user_turn", "system_turn")
    )


def read(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the turns of one conversation."""
    found = JsonReader(source).value(GeminiConversation)
    id = read_text(found.creation_time) or source.name
    conversation = Conversation("gemini", id, read_text(found.title), source.label)
    time, previous = read_time(found.creation_time), None
    for name, is_person, turn in _last_turns(found.conversation_turns, log):
        time = read_time(turn.get("turn_last_modified")) or time
        if turn.get("turn_deleted_time"):
            log.skip(LEFT_OUT["deleted"])
            continue
        text = read_text(turn.get("prompt")) if is_person else _answer(turn)
        if not text.strip():
            log.skip("empty")
            continue
        yield turn_message(conversation, Turn(name, is_person, time, text.strip()), previous)
        previous = name


def _last_turns(turns: list[Any], log: ImportLog) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Yield each turn with its name and side; of those with one number and side, the last."""
    found = dict[str, tuple[bool, dict[str, Any]]]()
    for at, each in enumerate(turns):
        sides = [key for key in ("user_turn", "system_turn") if isinstance(read_object(each).get(key), dict)]
        log.skip(UNKNOWN_SIDE, not sides)
        for side in sides:
            turn = each[side]
            number = turn.get("turn_index")
            name = f"{side} {number if isinstance(number, int) else at}"
            log.skip(_EARLIER, found.pop(name, None) is not None)
            found[name] = side == "user_turn", turn
    yield from ((name, *turn) for name, turn in found.items())


def _answer(turn: dict[str, Any]) -> str:
    words = list[str]()
    for piece in read_objects(turn.get("text")):
        words.append(read_text(piece.get("data")))
        words += (read_text(card.get("content")) for card in read_objects(piece.get("cards")))
    return "\n\n".join(filter(None, words))
