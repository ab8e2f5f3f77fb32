"""Conversations of data sets: a list of turns without times or ids becomes a chat of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from training.importers.reading.decoding import lines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json
from training.importers.reading.normalise import clean, drawn_id
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

Role = Literal["system", "user", "assistant", "tool"]
Element = TypeVar("Element")
ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot"), "assistant"),
    **dict.fromkeys(("tool", "function", "function_call", "observation", "tool_call"), "tool"),
}


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """What one side said; `trained` is false where nothing is to be learned from it."""

    role: Role
    text: str
    trained: bool = True


def records(source: Source, kind: type[Element], tally: ImportLog) -> Iterator[Element]:
    """The records of a data set: an array, or one a line."""
    if source.head().lstrip()[:1] != b"[":
        yield from lines(source, kind)
        return
    document = Json(source)
    yield from document.elements(kind)
    tally.skip("unreadable", document.unreadable)


def conversation(
    platform: str, turns: Sequence[DialogueTurn], source: Source, tally: ImportLog
) -> Iterator[ExportedMessage]:
    """The turns as messages: the assistant is the persona; what tools said is left out."""
    said = [turn for turn in turns if turn.text.strip()]
    chat = drawn_id(*(part for turn in said for part in (turn.role, turn.text)))
    for number, turn in enumerate(said):
        if turn.role == "tool":
            tally.skip("turns of tools")
            continue
        yield ExportedMessage(
            platform=platform,
            chat=chat,
            id=str(number),
            author=turn.role,
            author_name=turn.role,
            time=0,
            source=source.label,
            text=clean(turn.text),
            is_self=turn.role == "assistant",
            precision="none",
            kind="system" if turn.role == "system" else "text",
            trained=turn.trained,
        )


def role_of(told: Any) -> Role | None:
    """The side that a word names, in any of the data sets' words."""
    return ROLES.get(told.lower()) if isinstance(told, str) else None
