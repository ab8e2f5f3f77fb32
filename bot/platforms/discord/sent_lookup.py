"""Messages that this account has sent, found again in a channel after a process ended during a send."""

from collections.abc import Sequence

import discord

from bot.chat.delivery import MessageDeleted
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.discord.api import ApiCalls, has_error_code
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.refusals import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE
from bot.platforms.discord.senders import AccountSender, Sender, channel_of, name_line
from bot.platforms.discord.webhook_name import webhook_name
from bot.platforms.discord.webhooks import Webhooks

_PAGE_SIZE = 100  # messages of one call


class SentLookup:
    """Looks for messages of this account and of its webhooks."""

    def __init__(self, client: Gateway, calls: ApiCalls, webhooks: Webhooks, memory: Memory) -> None:
        self._client, self._calls, self._webhooks, self._memory = client, calls, webhooks, memory

    async def find_sent(self, outgoing: Outgoing, persona: Persona | None, text: str) -> str | None:
        """Return the id of the message that holds a part already, whole or as a draft, or None."""
        try:
            newest = await self._calls.make_call(self._fetch_newest(outgoing.place, outgoing.reply_to))
        except discord.Forbidden:  # without permission to look, a second copy is better than none
            return None
        own = [message for message in newest if self._is_own(message)]
        known = await self._memory.sent_among(outgoing.place, [str(message.id) for message in own])
        return self._match([m for m in own if str(m.id) not in known], outgoing, persona, text)

    async def sender_of(self, place: Place, message_id: str, name: str | None = None) -> Sender | None:
        """Return the sender that wrote a message and can edit it; None for a foreign message.

        `name` is the persona's name, for the name line of the account's messages. Raises `MessageDeleted`.
        """
        channel = channel_of(self._client, place)
        try:
            message = await self._calls.make_call(channel.fetch_message(int(message_id)))
        except discord.HTTPException as error:
            if has_error_code(error, UNKNOWN_CHANNEL):
                return None
            if has_error_code(error, UNKNOWN_MESSAGE):
                raise MessageDeleted("somebody deleted the message") from error
            raise
        if message.webhook_id:
            return await self._webhooks.sender_by_id(place, message.webhook_id)
        return AccountSender(self._client, self._calls, place, name) if self._is_own(message) else None

    async def _fetch_newest(self, place: Place, after: str | None) -> list[discord.Message]:
        """Return the messages behind a message, else the newest ones of the channel; oldest first."""
        behind = discord.Object(int(after)) if after and after.isdecimal() else None
        history = channel_of(self._client, place).history(
            limit=_PAGE_SIZE, after=behind, oldest_first=behind is not None or None
        )
        found = [message async for message in history]
        return sorted(found, key=lambda message: message.id)

    def _is_own(self, message: discord.Message) -> bool:
        """Return whether this account or its webhook sent the message, and not as the answer to a command."""
        me, application = self._client.user, self._client.application_id
        if message.interaction_metadata is not None or (application and message.webhook_id == application):
            return False
        if message.webhook_id:
            return self._webhooks.owns(message.webhook_id) or message.application_id == application
        return me is not None and message.author.id == me.id

    def _match(
        self, messages: Sequence[discord.Message], outgoing: Outgoing, persona: Persona | None, text: str
    ) -> str | None:
        """Return the message with the same text; else one of the persona, if it may be the part's draft."""
        before = name_line(self._client, persona.name if persona else None)
        for message in messages:
            if message.content.strip() in (text.strip(), (before + text).strip()):
                return str(message.id)
        if persona is None or outgoing.part or not outgoing.reply_to:
            return None
        for message in messages:
            has_name = message.author.name == webhook_name(persona.name)
            if has_name if message.webhook_id else message.content.startswith(before):
                return str(message.id)
        return None
