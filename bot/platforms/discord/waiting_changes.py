"""Messages, edits and deletions that wait in the event queue: a later change takes the place of an earlier.

An edit waits once for each message, with the newest text. A deletion drops the message and the edit that
still wait, so that nothing behind it brings them back, and joins the other deletions of its channel.
"""

from dataclasses import dataclass, field

import discord

MAX_EDITS = 1_000  # messages whose edits wait
MAX_DELETIONS = 100_000  # ids of deleted messages that wait


@dataclass(eq=False, slots=True)
class WaitingMessage:
    """A message, or its newest edit; None once it was deleted."""

    message: discord.Message | None


@dataclass(eq=False, slots=True)
class WaitingDeletions:
    """The ids of deleted messages of one channel."""

    channel_id: int
    guild_id: int | None
    ids: set[int] = field(default_factory=set)


class WaitingChanges:
    """Entries by the id of their message or channel; each is taken out when its turn has come."""

    def __init__(self, max_edits: int = MAX_EDITS, max_deletions: int = MAX_DELETIONS) -> None:
        self._max_edits, self._max_deletions = max_edits, max_deletions
        self._messages: dict[int, WaitingMessage] = {}
        self._edits: dict[int, WaitingMessage] = {}
        self._deletions: dict[int, WaitingDeletions] = {}
        self._deleted_ids = 0

    def add_message(self, message: discord.Message) -> WaitingMessage | None:
        """Return the new entry; None for a message that waits already."""
        if message.id in self._messages:
            return None
        self._messages[message.id] = WaitingMessage(message)
        return self._messages[message.id]

    def add_edit(self, edit: discord.Message) -> tuple[WaitingMessage | None, int]:
        """Return the entry, if it is new, and the number of edits that found no room: 0 or 1."""
        if waiting := self._edits.get(edit.id):
            waiting.message = edit
            return None, 0
        if len(self._edits) >= self._max_edits:
            return None, 1
        self._edits[edit.id] = WaitingMessage(edit)
        return self._edits[edit.id], 0

    def add_deletions(
        self, channel_id: int, guild_id: int | None, ids: set[int]
    ) -> tuple[WaitingDeletions | None, int]:
        """Return the entry, if it is new, and the number of deletions that found no room."""
        for id in ids:
            self._drop(id)
        known = self._deletions.get(channel_id)
        entry = known or WaitingDeletions(channel_id, guild_id)
        unknown = sorted(ids - entry.ids)
        kept = unknown[: self._max_deletions - self._deleted_ids]
        self._deleted_ids += len(kept)
        entry.ids.update(kept)
        is_new = known is None and entry.ids
        if is_new:
            self._deletions[channel_id] = entry
        return (entry if is_new else None), len(unknown) - len(kept)

    def take_message(self, message_id: int) -> None:
        self._messages.pop(message_id, None)

    def take_edit(self, message_id: int, waiting: WaitingMessage) -> None:
        if self._edits.get(message_id) is waiting:
            del self._edits[message_id]

    def take_deletions(self, waiting: WaitingDeletions) -> None:
        if self._deletions.get(waiting.channel_id) is waiting:
            del self._deletions[waiting.channel_id]
            self._deleted_ids -= len(waiting.ids)

    def _drop(self, message_id: int) -> None:
        """Empty the entries of a deleted message; they leave in their turn."""
        for entries in (self._messages, self._edits):
            if waiting := entries.get(message_id):
                waiting.message = None
