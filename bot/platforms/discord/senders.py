"""Who speaks on Discord: the bot's own account, or a webhook with a persona's name and face."""

from dataclasses import dataclass
from typing import Protocol

import discord

from bot.message import Place
from bot.platforms.discord.api import ApiCalls
from bot.platforms.discord.gateway import Gateway

NO_MENTIONS = discord.AllowedMentions.none()


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as it stands on Discord."""

    id: str
    text: str


class Sender(Protocol):
    """Something that can speak in one place. Its calls raise what discord.py raises."""

    def format(self, text: str) -> str:
        """The text as it is sent."""

    async def send(self, text: str, nonce: str | None, reply_to: str | None) -> SentMessage:
        """Send a message. Where Discord knows the nonce, what it stands for is returned instead."""

    async def edit(self, message_id: str, text: str) -> None:
        """Give a message other words."""

    async def delete(self, message_id: str) -> None:
        """Delete a message."""


class AccountSender:
    """The bot's own account. A persona of another name says so in a line of its own."""

    def __init__(self, client: Gateway, calls: ApiCalls, place: Place, name: str | None) -> None:
        self._calls, self._place = calls, place
        guild = int(place.server) if place.server else None
        self._channel = client.get_partial_messageable(channel_id_of(place), guild_id=guild)
        self._name_line = name_line(client, name)

    def format(self, text: str) -> str:
        return self._name_line + text

    async def send(self, text: str, nonce: str | None, reply_to: str | None) -> SentMessage:
        reference = None
        if reply_to and reply_to.isdecimal() and self._place.server:
            reference = discord.MessageReference(
                message_id=int(reply_to), channel_id=self._channel.id, fail_if_not_exists=False
            )
        sending = self._channel.send(
            text,
            nonce=nonce,  # type: ignore[arg-type]
            reference=reference,  # type: ignore[arg-type]
            allowed_mentions=NO_MENTIONS,
        )
        sent = await self._calls.make_call(sending)
        return SentMessage(str(sent.id), sent.content)

    async def edit(self, message_id: str, text: str) -> None:
        message = self._channel.get_partial_message(int(message_id))
        await self._calls.make_call(message.edit(content=text, allowed_mentions=NO_MENTIONS))

    async def delete(self, message_id: str) -> None:
        await self._calls.make_call(self._channel.get_partial_message(int(message_id)).delete())


class WebhookSender:
    """A webhook of the place's channel. With a `name`, it is shared and borrows name and face."""

    def __init__(
        self, calls: ApiCalls, webhook: discord.Webhook, place: Place, name: str = "", avatar_url: str = ""
    ) -> None:
        self._calls, self._name, self._avatar_url = calls, name, avatar_url
        self.webhook = webhook
        self._thread = discord.Object(int(place.thread)) if place.thread else discord.utils.MISSING

    def format(self, text: str) -> str:
        return text

    async def send(self, text: str, nonce: str | None, reply_to: str | None) -> SentMessage:
        sending = self.webhook.send(
            text,
            username=self._name or discord.utils.MISSING,
            avatar_url=self._avatar_url or discord.utils.MISSING,
            thread=self._thread,
            allowed_mentions=NO_MENTIONS,
            wait=True,
        )
        sent = await self._calls.make_call(sending)
        return SentMessage(str(sent.id), sent.content)

    async def edit(self, message_id: str, text: str) -> None:
        editing = self.webhook.edit_message(
            int(message_id), content=text, allowed_mentions=NO_MENTIONS, thread=self._thread
        )
        await self._calls.make_call(editing)

    async def delete(self, message_id: str) -> None:
        await self._calls.make_call(self.webhook.delete_message(int(message_id), thread=self._thread))


def channel_id_of(place: Place) -> int:
    """The id of the channel or thread where a place's messages stand."""
    return int(place.thread or place.chat)


def name_line(client: Gateway, name: str | None) -> str:
    """What stands before a persona's words where they come from an account of another name."""
    if name is None or client.user is None or name.casefold() == client.user.display_name.casefold():
        return ""
    return f"**{discord.utils.escape_markdown(' '.join(name.split())[:80])}**\n"
