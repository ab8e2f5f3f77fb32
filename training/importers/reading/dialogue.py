"""Dialogues of data sets: a list of turns without times or ids becomes a chat of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from training.importers.reading.decoding import read_json_lines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import LONGEST_TEXT, clean_text, derived_id
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

Role = Literal["system", "user", "assistant", "tool"]
Element = TypeVar("Element")
MOST_TURNS = 100_000  # of one dialogue
ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot"), "assistant"),
    **dict.fromkeys(("tool", "function", "function_call", "observation", "tool_call"), "tool"),
}


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """One turn of a dialogue; with `trained` false, its tokens give context and no loss."""

    role: Role
    text: str
    trained: bool = True


def read_records(source: Source, kind: type[Element], log: ImportLog) -> Iterator[Element]:
    """Yield the records of a data set, which is a JSON array or JSON Lines."""
    if source.head().lstrip()[:1] != b"[":
        yield from read_json_lines(source, kind)
        return
    document = JsonReader(source)
    yield from document.elements(kind)
    log.skip("unreadable", document.unreadable)


def dialogue_messages(
    platform: str, turns: Sequence[DialogueTurn], source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    """Yield a dialogue's turns as messages: the assistant is the persona, turns of tools are left out."""
    if reason := _excess(turns):
        log.skip(reason)
        return
    turns = [turn for turn in turns if turn.text.strip()]
    chat = derived_id(*(part for turn in turns for part in (turn.role, turn.text)))
    for number, turn in enumerate(turns):
        if turn.role == "tool":
            log.skip("turns of tools")
            continue
        yield ExportedMessage(
            platform=platform,
            chat=chat,
            id=str(number),
            author=turn.role,
            author_name=turn.role,
            time=0,
            source=source.label,
            text=clean_text(turn.text),
            is_self=turn.role == "assistant",
            precision="none",
            kind="system" if turn.role == "system" else "text",
            trained=turn.trained,
        )


def _excess(turns: Sequence[DialogueTurn]) -> str:
    """Return the reason to leave a dialogue out, or ""; without one turn, the others mean something else."""
    if len(turns) > MOST_TURNS:
        return f"dialogues of more than {MOST_TURNS:,} turns"
    if any(len(turn.text) > LONGEST_TEXT for turn in turns):
        return f"dialogues with a turn of more than {LONGEST_TEXT:,} characters"
    return ""


def role_of(name: Any) -> Role | None:
    """Return the role that a data set's word names, such as "human" or "gpt"; None for other values."""
    return ROLES.get(name.lower()) if isinstance(name, str) else None
