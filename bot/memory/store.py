"""Memory: what was said in every place, what must be answered and what must be sent."""

from collections.abc import Mapping, Sequence

from bot.memory.lifecycle import Upkeep
from bot.memory.queries import (
    answers,
    conversations,
    edits,
    erase,
    history,
    inbox,
    outbox,
    platform_state,
    settings,
    status,
)
from bot.memory.queries.export import Row, export
from bot.memory.queries.records import (
    AnswerExplanation,
    Erased,
    LastAnswer,
    MemoryStatus,
    Outgoing,
    Remembered,
)
from bot.message import Message, Place


class Memory(Upkeep):
    """The story, in one SQLite file. Each change is one transaction, whole even when its caller is cancelled.

    Every method raises `UserError` when the disk is full or refuses, and when another process holds the file.
    Text is stored without NUL, and with U+FFFD for what is not valid Unicode.
    """

    async def accept(self, message: Message) -> bool:
        """Store a message and that it wants a decision; False, and nothing changes, when it is known."""
        now = self._clock()
        return await self._database.write(lambda inside: inbox.accept(inside, message, now))

    async def ignore(self, place: Place, message_id: str, rule: str) -> None:
        """Decide that an accepted message calls for no answer; it stays in the history."""
        await self._database.write(lambda inside: inbox.ignore(inside, place, message_id, rule))

    async def begin(
        self, place: Place, message_ids: Sequence[str], persona: str, rule: str
    ) -> tuple[str, ...]:
        """Count an attempt at these messages before it is made; returns those that still want an answer."""
        return await self._database.write(
            lambda inside: inbox.begin(inside, place, message_ids, persona, rule)
        )

    async def attempts(self, place: Place, message_id: str) -> int:
        """How often a message was tried in vain; after `inbox.ATTEMPTS` it may be what kills the process."""
        return await self._database.run(lambda inside: inbox.attempts(inside, place, message_id))

    async def withdraw(self, place: Place, message_ids: Sequence[str]) -> None:
        """Take an attempt back that was ended on purpose: superseded by a new message, or at shutdown."""
        await self._database.write(lambda inside: inbox.withdraw(inside, place, message_ids))

    async def finish(
        self,
        place: Place,
        message_ids: Sequence[str],
        replies: Sequence[Message],
        parts: Sequence[str],
        *,
        read: str | None,
        window: str | None,
        why: Mapping[str, object],
        replaces: str | None = None,
    ) -> tuple[Outgoing, ...]:
        """Store an answer, its parts to be sent, and that these messages are answered; returns the parts.

        The replies stand in the history behind the message `read`; it begins at `window` from now on (None
        leaves it). The answer that `replaces` is part of leaves the history, and what it answered counts
        as answered by the new one. `why` is JSON-able. Messages that are answered already are not answered
        again: the parts stored then are returned, or none when all of the messages have been erased.
        """
        new = answers.AnswerRecord(place, message_ids, replies, parts, read, window, why, replaces)
        return await self._database.write(lambda inside: answers.finish(inside, new))

    async def give_up(
        self, place: Place, message_ids: Sequence[str], reason: str, notice: str | None
    ) -> tuple[Outgoing, ...]:
        """Give up messages that are not answered, with a notice to be sent about the first of them.

        Where some of an answer may have been shown already, the notice takes its place, whichever message it
        was to; returns the notices.
        """
        return await self._database.write(
            lambda inside: inbox.give_up(inside, place, message_ids, reason, notice)
        )

    async def pending(self, platform: str, account: str) -> tuple[Message, ...]:
        """Messages that are accepted and nothing more, oldest first."""
        return await self._database.run(lambda inside: inbox.pending(inside, platform, account))

    async def unsent(self, platform: str, account: str) -> tuple[Outgoing, ...]:
        """Parts that are queued, or were being sent when the process ended, oldest first."""
        return await self._database.run(lambda inside: outbox.unsent(inside, platform, account))

    async def draft(self, place: Place, message_id: str, persona: str) -> Outgoing | None:
        """Note that an answer to a message is about to be shown while it comes, in a message that stays.

        The note from before, where a process ended while it was shown, with one more attempt; None when the
        message is gone.
        """
        noted = await self._database.write(lambda inside: outbox.draft(inside, place, message_id, persona))
        return noted[0] if noted else None

    async def shown(self, key: str, platform_message_id: str) -> None:
        """Note in which message a part is being shown."""
        await self._database.write(lambda inside: outbox.shown(inside, key, platform_message_id))

    async def sent_of(self, place: Place, message_id: str) -> tuple[str, ...]:
        """The platform's ids of all parts of the answer that a reply is part of."""
        return await self._database.run(lambda inside: outbox.sent_of(inside, place, message_id))

    async def sent_among(self, place: Place, platform_message_ids: Sequence[str]) -> frozenset[str]:
        """Those of the platform's ids under which a part is noted as sent or shown in this place."""
        return await self._database.run(lambda inside: outbox.sent_among(inside, place, platform_message_ids))

    async def sending(self, key: str) -> None:
        """Note that a part is about to be sent; before its platform is called."""
        await self._database.write(lambda inside: outbox.sending(inside, key))

    async def sent(self, key: str, platform_message_id: str | None) -> None:
        """Note that a part has been sent, under the platform's id where it gave one."""
        await self._database.write(lambda inside: outbox.sent(inside, key, platform_message_id))

    async def drop(self, key: str) -> None:
        """Note that a part cannot be sent (blocked, chat gone) and shall not be tried again."""
        await self._database.write(lambda inside: outbox.drop(inside, key))

    async def edit(self, place: Place, message_id: str, text: str) -> bool:
        """Change the words of a person's message; False when they are the same, or it is not known."""
        return await self._database.write(lambda inside: edits.edit(inside, place, message_id, text))

    async def remove(self, place: Place, message_ids: Sequence[str]) -> int:
        """Forget messages that were deleted on their platform; returns how many were known.

        A person's is erased, and its last copies with `settle`; a persona's answer leaves the history.
        """
        now = self._clock()
        return await self._database.write(lambda inside: edits.remove(inside, place, message_ids, now))

    async def move(self, old: Place, new: Place) -> None:
        """Let a chat that goes on elsewhere keep its story, its settings and what is still to be sent."""
        await self._database.write(lambda inside: edits.move(inside, old, new))

    async def dead_letter(self, platform: str, account: str, letter: str, reason: str) -> None:
        """Note that something a platform delivered cannot be read, and is given up."""
        now = self._clock()
        await self._database.write(
            lambda inside: edits.dead_letter(inside, platform, account, letter, reason, now)
        )

    async def cursors(self, platform: str, account: str) -> dict[Place, str]:
        """The platform's id of the newest message accepted in each place: what came later is news."""
        return await self._database.run(lambda inside: conversations.cursors(inside, platform, account))

    async def history(
        self, place: Place, *, limit: int = 2000, characters: int = 400_000
    ) -> tuple[Message, ...]:
        """The newest messages that fit, in reading order, since the window's beginning and the last reset."""
        return await self._database.run(lambda inside: history.history(inside, place, limit, characters))

    async def is_cut(self, place: Place) -> bool:
        """Whether older messages have been dropped from the history, by a window that moved on."""
        return await self._database.run(lambda inside: conversations.is_cut(inside, place))

    async def find(self, place: Place, message_id: str) -> Message | None:
        """One message, by its own id or by the platform's id of a part of it that was sent."""
        return await self._database.run(lambda inside: history.find(inside, place, message_id))

    async def parents(self, place: Place, wanted: Sequence[str]) -> dict[str, Message]:
        """Those messages of a place, by the ids asked for, that a persona may still read: since the last
        reset, and not taken back; found as `find` does, in the window or before it.
        """
        if not wanted:
            return {}
        return await self._database.run(lambda inside: history.parents(inside, place, wanted))

    async def reset(self, place: Place) -> None:
        """Begin the conversation anew: what was said leaves the history, and stays stored until erased."""
        await self._database.write(lambda inside: conversations.reset(inside, place))

    async def last_answer(self, place: Place) -> LastAnswer | None:
        """The newest answer since the last reset that has not been replaced."""
        return await self._database.run(lambda inside: history.last_answer(inside, place))

    async def why(self, place: Place) -> AnswerExplanation | None:
        """The newest decision about a message of this place, or the newest answer given to none."""
        return await self._database.run(lambda inside: history.why(inside, place))

    async def settings(self, scope: str) -> dict[str, str]:
        return await self._database.run(lambda inside: settings.settings(inside, scope))

    async def set_setting(self, scope: str, key: str, value: str | None) -> None:
        """Store a setting; None removes it."""
        await self._database.write(lambda inside: settings.set_setting(inside, scope, key, value))

    async def platform_state(self, scope: str) -> dict[str, str]:
        """Return the state that a platform keeps of its own account under `platform/account`, by name."""
        return await self._database.run(lambda inside: platform_state.platform_state(inside, scope))

    async def set_platform_state(self, scope: str, name: str, value: str | None) -> None:
        """Store a value of a platform's own state; None removes the value."""
        await self._database.write(
            lambda inside: platform_state.set_platform_state(inside, scope, name, value)
        )

    async def places(self) -> tuple[Remembered, ...]:
        return await self._database.run(status.places)

    async def status(self) -> MemoryStatus:
        return await self._database.run(status.status)

    async def export(self, author_id: str, platform: str | None = None) -> dict[str, list[Row]]:
        """Everything stored about a person: their "messages" with decisions, and the "answers" to them."""
        return await self._database.run(lambda inside: export(inside, author_id, platform))

    async def erase_place(self, place: Place) -> Erased:
        """Erase everything said in a place, and settings whose scope is `str(place)`, from every file.

        Backups and files set aside are deleted, and one new backup is written. Raises `UserError` when
        another process keeps reading the old content; the next erasure or the next start completes it.
        """
        now = self._clock()
        return await self._erase(lambda inside: erase.erase_place(inside, place, now))

    async def erase_author(self, author_id: str, platform: str | None = None) -> Erased:
        """Erase a person as `erase_place` does a place: their messages and the answers to them alone.

        Where no other person ever spoke, everything goes. Without a platform, the id is erased on each.
        """
        now = self._clock()
        return await self._erase(lambda inside: erase.erase_author(inside, author_id, platform, now))
