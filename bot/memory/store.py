"""The public face of memory: one method a transaction."""

from collections.abc import Mapping, Sequence

from bot.memory.queries import (
    answers,
    conversations,
    edits,
    erase,
    history,
    inbox,
    proxied,
    reopening,
    status,
    unread,
)
from bot.memory.queries.export import Row, export_author
from bot.memory.queries.records import (
    AnswerExplanation,
    Erased,
    LastAnswer,
    MemoryStatus,
    Outgoing,
    Remembered,
    Waiting,
)
from bot.memory.stored_conversations import StoredConversations
from bot.message import Message, Place


class Memory(StoredConversations):
    """Messages, replies and settings in one SQLite file.

    Each change is one transaction, whole even if its caller is cancelled. Every method raises `UserError` if
    the disk is full or refuses, or if another process holds the file. Text is stored without NUL, and with
    U+FFFD for lone surrogates.
    """

    async def accept(self, message: Message) -> bool:
        """Store a message as accepted. Return False, and change nothing, if the message is known."""
        now = self._clock()
        return await self._database.write(lambda inside: inbox.accept_message(inside, message, now))

    async def ignore(self, place: Place, message_id: str, rule: str) -> None:
        """Mark an accepted message as ignored by a rule; it stays in the history."""
        await self._database.write(lambda inside: inbox.ignore_message(inside, place, message_id, rule))

    async def record(self, message: Message, rule: str) -> bool:
        """Store a message that nobody answers, by a rule. Return False if the message is known."""
        now = self._clock()
        return await self._database.write(lambda inside: inbox.record_message(inside, message, rule, now))

    async def has_proxied(self, place: Place) -> bool:
        """Return whether somebody spoke through a proxy in a place, among its newest messages."""
        return await self._database.run(lambda inside: proxied.has_proxied(inside, place))

    async def is_answered_copy(self, message: Message) -> bool:
        """Return whether a proxied message says anew what a person said just before, and was answered."""
        return await self._database.run(lambda inside: proxied.is_answered_copy(inside, message))

    async def ignored_by(self, place: Place, message_id: str) -> str | None:
        """Return the rule by which a message was ignored; None for any other message."""
        return await self._database.run(lambda inside: reopening.ignoring_rule(inside, place, message_id))

    async def reopen(self, message: Message) -> bool:
        """Accept an ignored message again, as addressed by its edit.

        Return False, and change nothing, for any other message.
        """
        return await self._database.write(lambda inside: reopening.reopen_message(inside, message))

    async def tell_unread(self, message: Message, notice: str) -> tuple[Outgoing, ...]:
        """Store and return a notice about an unread message, once for its author in its place."""
        return await self._database.write(lambda inside: unread.tell_unread(inside, message, notice))

    async def begin(
        self, place: Place, message_ids: Sequence[str], persona: str, rule: str
    ) -> tuple[str, ...]:
        """Count an attempt to answer messages, before it begins. Return those that are still unanswered."""
        return await self._database.write(
            lambda inside: inbox.begin_attempt(inside, place, message_ids, persona, rule)
        )

    async def attempts(self, place: Place, message_id: str) -> int:
        """Return the number of failed attempts; a message with `inbox.MAX_ATTEMPTS` may kill the process."""
        return await self._database.run(lambda inside: inbox.attempts_at(inside, place, message_id))

    async def withdraw(self, place: Place, message_ids: Sequence[str]) -> None:
        """Take back an attempt that a new message superseded or a shutdown ended."""
        await self._database.write(lambda inside: inbox.withdraw_attempt(inside, place, message_ids))

    async def finish(
        self,
        place: Place,
        message_ids: Sequence[str],
        replies: Sequence[Message],
        parts: Sequence[answers.Part],
        *,
        read: str | None,
        window: str | None,
        why: Mapping[str, object],
        replaces: str | None = None,
    ) -> tuple[Outgoing, ...]:
        """Store an answer, its outgoing parts, and the answered state of its messages. Return the parts.

        The replies stand in the history behind the message `read`. The history begins at `window` from now
        on (None leaves it). The answer that `replaces` belongs to leaves the history, and its messages count
        as answered by the new one. `why` must be JSON. Answered messages are not answered again: the stored
        parts are returned, or none if all of the messages have been erased.
        """
        new = answers.AnswerRecord(place, message_ids, replies, parts, read, window, why, replaces)
        return await self._database.write(lambda inside: answers.finish_answer(inside, new))

    async def give_up(
        self, place: Place, message_ids: Sequence[str], reason: str, notice: str | None
    ) -> tuple[Outgoing, ...]:
        """Give up unanswered messages, with a notice about the first of them. Return the notices.

        If a draft of the reply has been shown, the notice takes its place, whichever message it was to.
        """
        return await self._database.write(
            lambda inside: inbox.give_up_messages(inside, place, message_ids, reason, notice)
        )

    async def pending(self, platform: str, account: str) -> tuple[Message, ...]:
        """Return the messages in state "accepted", oldest first."""
        return await self._database.run(lambda inside: inbox.pending_messages(inside, platform, account))

    async def edit(self, place: Place, message_id: str, text: str) -> bool:
        """Change a person's message and its quotations. Return False if it is the same, or unknown."""
        return await self._database.write(lambda inside: edits.edit_message(inside, place, message_id, text))

    async def remove(self, place: Place, message_ids: Sequence[str]) -> int:
        """Remove messages that were deleted on their platform. Return the number of known ones.

        A person's message is erased with its quotations, the last copies by `settle`; a persona's answer
        leaves the history.
        """
        now = self._clock()
        return await self._database.write(
            lambda inside: edits.remove_messages(inside, place, message_ids, now)
        )

    async def move(self, old: Place, new: Place) -> None:
        """Move the history, settings and unsent parts of a chat to another place."""
        await self._database.write(lambda inside: edits.move_place(inside, old, new))

    async def dead_letter(self, platform: str, account: str, letter: str, reason: str) -> None:
        """Note an unreadable delivery of a platform, without its content."""
        now = self._clock()
        await self._database.write(
            lambda inside: edits.dead_letter(inside, platform, account, letter, reason, now)
        )

    async def cursors(self, platform: str, account: str) -> dict[Place, str]:
        """Return the platform's id of the newest accepted message of each place, where backfill begins."""
        return await self._database.run(lambda inside: conversations.cursors(inside, platform, account))

    async def history(
        self, place: Place, *, limit: int = 2000, characters: int = 400_000
    ) -> tuple[Message, ...]:
        """Return the newest messages that fit both limits, in reading order.

        They begin with the window, or after the last reset.
        """
        return await self._database.run(lambda inside: history.read_history(inside, place, limit, characters))

    async def is_cut(self, place: Place) -> bool:
        """Return whether the window has dropped older messages from the history."""
        return await self._database.run(lambda inside: conversations.is_cut(inside, place))

    async def find(self, place: Place, message_id: str) -> Message | None:
        """Return a message by its own id, or by the platform's id of a part that was sent."""
        return await self._database.run(lambda inside: history.find_message(inside, place, message_id))

    async def parents(self, place: Place, wanted: Sequence[str]) -> dict[str, Message]:
        """Return messages of a place by the wanted ids, found as in `find`, in the window or before it.

        Replaced ones and those from before the last reset are left out.
        """
        if not wanted:
            return {}
        return await self._database.run(lambda inside: history.find_parents(inside, place, wanted))

    async def reset(self, place: Place) -> None:
        """Begin the conversation anew. Earlier messages leave the history and stay stored until erased."""
        await self._database.write(lambda inside: conversations.reset_conversation(inside, place))

    async def last_answer(self, place: Place) -> LastAnswer | None:
        """Return the newest answer since the last reset that has not been replaced."""
        return await self._database.run(lambda inside: history.last_answer(inside, place))

    async def why(self, place: Place) -> AnswerExplanation | None:
        """Return the newest decision about a message of this place, or the newest answer to none."""
        return await self._database.run(lambda inside: history.explain_decision(inside, place))

    async def places(self) -> tuple[Remembered, ...]:
        return await self._database.run(status.remembered_places)

    async def status(self) -> MemoryStatus:
        return await self._database.run(status.read_status)

    async def waiting(self) -> Waiting:
        """Return the numbers of waiting messages and parts; far cheaper than `status`."""
        return await self._database.run(status.count_waiting)

    async def export(self, author_id: str, platform: str | None = None) -> dict[str, list[Row]]:
        """Return a person's messages with decisions, settings of private chats, and answers."""
        return await self._database.run(lambda inside: export_author(inside, author_id, platform))

    async def erase_place(self, place: Place) -> Erased:
        """Erase a place with its settings from every file; backups are deleted, and a new one is written.

        Raises `UserError` while a process reads the old content; the next erasure or start completes it.
        """
        now = self._clock()
        return await self._erase(lambda inside: erase.erase_place(inside, place, now))

    async def erase_author(self, author_id: str, platform: str | None = None) -> Erased:
        """Erase a person's messages, the answers to them alone and other traces, as `erase_place` does.

        A place where no other person ever spoke goes whole. Without a platform, the id is erased on each.
        """
        now = self._clock()
        return await self._erase(lambda inside: erase.erase_author(inside, author_id, platform, now))
