"""Turns of a talk with an assistant as messages: the person of the export is "user", the other "assistant".

Both are roles and no names (`training.store.roles`). Nothing of an assistant is ever learned: its turns are
kept since the person answers them.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from training.importers.reading.normalise import clean_text, parse_iso_time, unix_seconds
from training.store.messages import ExportedMessage, Kind

HIDDEN = "that the assistant's program wrote and did not show"
TOOLS = "turns of tools"
THOUGHTS = "thoughts of assistants"
OTHER_BRANCHES = "on branches that their conversation left"
UNKNOWN_SIDE = "turns of an unknown side"
_MILLISECONDS = 1e11  # a larger time is in milliseconds


class Conversation(NamedTuple):
    """A conversation of an export, whose turns go into one chat."""

    platform: str
    id: str
    name: str
    source: str


class Turn(NamedTuple):
    """A turn; `time` is in Unix seconds, 0 for none. With `is_learned` false its words are only read."""

    id: str
    is_person: bool
    time: float
    text: str
    kind: Kind = "text"
    media: tuple[str, ...] = ()
    is_learned: bool = True


def turn_message(conversation: Conversation, turn: Turn, reply_to: str | None = None) -> ExportedMessage:
    """Return a turn as a message. `reply_to` is the turn before it, which may be days older."""
    role = "user" if turn.is_person else "assistant"
    return ExportedMessage(
        platform=conversation.platform,
        chat=conversation.id,
        id=turn.id,
        author=role,
        author_name=role,
        time=turn.time,
        source=conversation.source,
        text=turn.text,
        is_self=turn.is_person,
        chat_name=conversation.name,
        reply_to=reply_to,
        precision="millisecond" if turn.time else "none",
        kind=turn.kind,
        media=turn.media,
        trained=turn.is_person and turn.is_learned,
    )


def read_text(field: Any) -> str:
    """Return a text of an export without NUL; "" for anything else."""
    return clean_text(field) if isinstance(field, str) else ""


def read_object(field: Any) -> dict[str, Any]:
    """Return an object of an export; an empty one for anything else."""
    return field if isinstance(field, dict) else {}


def read_objects(field: Any) -> list[dict[str, Any]]:
    """Return the objects in a list of an export; none for anything else."""
    return [each for each in field if isinstance(each, dict)] if isinstance(field, list) else []


def read_names(files: Iterable[dict[str, Any]], key: str) -> tuple[str, ...]:
    """Return the names of files, each once, in their order."""
    return tuple(dict.fromkeys(name for file in files if (name := read_text(file.get(key)))))


def read_time(field: Any) -> float:
    """Return the Unix seconds of a number of seconds or milliseconds, or of an ISO 8601 time; 0 for none."""
    try:
        if isinstance(field, str):
            return parse_iso_time(field)
        if isinstance(field, int | float) and not isinstance(field, bool):
            return unix_seconds(field / 1000 if field > _MILLISECONDS else field)
    except (ValueError, OverflowError):
        pass
    return 0.0
