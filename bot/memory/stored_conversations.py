"""Conversations that people begin themselves, and the swipes of answers: one method a transaction."""

from bot.memory.queries import own_conversations, swipes
from bot.memory.queries.records import OwnConversation, ShownMessage
from bot.memory.stored_parts import StoredParts
from bot.message import Message, Place


class StoredConversations(StoredParts):
    """Conversations in memory's file. Raises `UserError` as every method of memory does."""

    async def conversations(self, platform: str, account: str) -> tuple[OwnConversation, ...]:
        """Return the conversations that were begun under an account, the newest first."""
        return await self._database.run(
            lambda inside: own_conversations.list_conversations(inside, platform, account)
        )

    async def shown_messages(self, place: Place, limit: int) -> tuple[ShownMessage, ...]:
        """Return the newest messages since the last reset, oldest first, also what prompts leave out."""
        return await self._database.run(lambda inside: own_conversations.read_shown(inside, place, limit))

    async def find_shown(self, place: Place, message_id: str) -> ShownMessage | None:
        """Return a message by its id, also one that was replaced."""
        return await self._database.run(
            lambda inside: own_conversations.find_shown(inside, place, message_id)
        )

    async def shown_of_part(self, place: Place, key: str) -> ShownMessage | None:
        """Return the message whose text an outgoing part is; None for a notice."""
        return await self._database.run(lambda inside: own_conversations.find_shown(inside, place, None, key))

    async def swipes(self, place: Place, message_id: str) -> tuple[Message, ...]:
        """Return the first message of each swipe of an answer, in the order in which they were made."""
        return await self._database.run(lambda inside: swipes.swipe_messages(inside, place, message_id))

    async def choose_swipe(self, place: Place, message_id: str, index: int) -> Message | None:
        """Let another swipe of an answer stand in the history; None, and no change, where it is not there."""
        return await self._database.write(
            lambda inside: swipes.choose_swipe(inside, place, message_id, index)
        )

    async def rewrite(self, place: Place, message_id: str, text: str) -> bool:
        """Change the text of a persona's message. Return False for an unknown one."""
        return await self._database.write(
            lambda inside: swipes.rewrite_message(inside, place, message_id, text)
        )

    async def erase_answer(self, place: Place, message_id: str) -> bool:
        """Erase the answer of a persona's message with all its swipes, the last copies by `settle`."""
        now = self._clock()
        return await self._database.write(lambda inside: swipes.erase_answer(inside, place, message_id, now))
