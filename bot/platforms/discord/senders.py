"""Senders on Discord: the bot's own account, or a webhook with a persona's name and avatar."""

from dataclasses import dataclass
from typing import Protocol

import discord

from bot.message import Place
from bot.platforms.discord.api import ApiCalls
from bot.platforms.discord.gateway import Gateway
from bot.text.masked_links import show_addresses

NO_MENTIONS = discord.AllowedMentions.none()


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as Discord stores it."""

    id: str
    text: str


class Sender(Protocol):
    """Sends, edits and deletes messages in one place. Its calls raise discord.py's errors."""

    def format(self, text: str) -> str:
        """Return the text as this sender sends it."""

    async def send(self, text: str, nonce: str | None, reply_to: str | None) -> SentMessage:
        """Send a message. For a nonce that Discord knows, return the message sent with that nonce before."""

    async def edit(self, message_id: str, text: str) -> None:
        """Replace a message's text."""

    async def delete(self, message_id: str) -> None:
        """Delete a message."""


class AccountSender:
    """The bot's own account. A persona of another name is named in the first line of the message."""

    def __init__(self, client: Gateway, calls: ApiCalls, place: Place, name: str | None) -> None:
        self._calls, self._place = calls, place
        self._channel = channel_of(client, place)
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
    """A webhook of the place's channel. With a `name`, the shared webhook takes that name and avatar."""

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


def channel_of(client: Gateway, place: Place) -> discord.PartialMessageable:
    """Return the channel or thread of a place, for calls, without a request."""
    guild = int(place.server) if place.server else None
    return client.get_partial_messageable(channel_id_of(place), guild_id=guild)


def channel_id_of(place: Place) -> int:
    """Return the id of the channel or thread that holds a place's messages."""
    return int(place.thread or place.chat)


def name_line(client: Gateway, name: str | None) -> str:
    """Return the line with a persona's name, empty where the account bears that name."""
    if name is None or client.user is None or name.casefold() == client.user.display_name.casefold():
        return ""
    line = show_addresses(" ".join(name.split())[:80])
    return f"**{discord.utils.escape_markdown(line)}**\n"
