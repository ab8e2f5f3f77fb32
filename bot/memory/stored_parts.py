"""Outgoing parts from queued to sent: one method a transaction."""

from collections.abc import Sequence

from bot.memory.queries import outbox
from bot.memory.queries.records import Outgoing
from bot.memory.stored_settings import StoredSettings
from bot.message import Place


class StoredParts(StoredSettings):
    """The parts of replies in memory's file. Raises `UserError` as every method of memory does."""

    async def unsent(self, platform: str, account: str) -> tuple[Outgoing, ...]:
        """Return the parts that are queued or were being sent when the process ended, oldest first."""
        return await self._database.run(lambda inside: outbox.unsent_parts(inside, platform, account))

    async def draft(self, place: Place, message_id: str, persona: str) -> Outgoing | None:
        """Note that a draft of the reply to a message is about to be shown in a message that stays.

        Return the draft, or the one that an ended process had noted, with one more attempt; None if the
        message is gone.
        """
        noted = await self._database.write(
            lambda inside: outbox.note_draft(inside, place, message_id, persona)
        )
        return noted[0] if noted else None

    async def shown(self, key: str, platform_message_id: str) -> None:
        """Note the platform's id of the message that shows a part."""
        await self._database.write(lambda inside: outbox.note_shown(inside, key, platform_message_id))

    async def sent_of(self, place: Place, message_id: str) -> tuple[str, ...]:
        """Return the platform's ids of all parts of the answer that a reply belongs to."""
        return await self._database.run(lambda inside: outbox.sent_ids_of_answer(inside, place, message_id))

    async def sent_among(self, place: Place, platform_message_ids: Sequence[str]) -> frozenset[str]:
        """Return those of the platform's ids under which a part of this place was sent or shown."""
        return await self._database.run(lambda inside: outbox.sent_among(inside, place, platform_message_ids))

    async def sending(self, key: str) -> bool:
        """Note that a part is about to be sent; call it before the platform.

        Return False for a part that is sent or dropped, and for one that is not stored.
        """
        return await self._database.write(lambda inside: outbox.note_sending(inside, key))

    async def sent(self, key: str, platform_message_id: str | None) -> None:
        """Note that a part has been sent, with the platform's id if it gave one."""
        await self._database.write(lambda inside: outbox.note_sent(inside, key, platform_message_id))

    async def drop(self, key: str) -> None:
        """Note that a part cannot be sent (blocked, chat gone) and is not tried again."""
        await self._database.write(lambda inside: outbox.drop_part(inside, key))

    async def discard(self, key: str) -> None:
        """Drop a part and its whole answer, which leaves the history: people deleted it as it was shown."""
        await self._database.write(lambda inside: outbox.discard_answer(inside, key))

    async def place_of_sent(self, platform: str, account: str, chat: str, sent_id: str) -> Place | None:
        """Return the place of a chat in which a part was sent under a platform's id, whatever the thread."""
        return await self._database.run(
            lambda inside: outbox.place_of_sent(inside, platform, account, chat, sent_id)
        )
