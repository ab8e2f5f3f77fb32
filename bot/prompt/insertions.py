"""Turns of the card between messages: a prompt at a depth, and entries of a lorebook."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.errors import UserError
from bot.prompt.chat_template import Role, Template
from bot.prompt.renderer import Turn

_BETWEEN: tuple[list[Role], ...] = (
    ["system", "user", "assistant", "system", "user"],
    ["system", "user", "system", "assistant", "user"],
)


@dataclass(frozen=True, slots=True)
class Insertion:
    """A turn that stands before the newest `depth` messages, or before all where there are fewer.

    With a depth of 0 it stands behind the newest message.
    """

    depth: int
    turn: Turn


def insert_turns(
    turns_of_messages: Sequence[tuple[Turn, ...]], insertions: Sequence[Insertion]
) -> list[tuple[Turn, ...]]:
    """Return the turns of messages with the inserted ones, in their order, where their depth puts them."""
    inserted = list(turns_of_messages)
    if not inserted:
        return inserted
    for insertion in insertions:
        if insertion.depth == 0:
            inserted[-1] = (*inserted[-1], insertion.turn)
    for insertion in reversed(insertions):
        if insertion.depth:
            at = max(0, len(inserted) - insertion.depth)
            inserted[at] = (insertion.turn, *inserted[at])
    return inserted


def accepted_insertion(insertion: Insertion, template: Template) -> Insertion:
    """Return an insertion in a role that the template takes between messages."""
    if insertion.turn.role != "system" or not template.late_system or _takes_system_between(template):
        return insertion  # where no late system turn is taken, the renderer makes it the user's
    return replace(insertion, turn=replace(insertion.turn, role="user"))


@lru_cache(maxsize=64)
def _takes_system_between(template: Template) -> bool:
    roles = _BETWEEN if template.system else tuple(each[1:] for each in _BETWEEN)
    try:
        for each in roles:
            template.segments(each, answer=True)
    except UserError:
        return False
    return True
