"""Discord's own side: everything it stores, its rules about who may do what, and what it tells the bot.

The REST routes and what people do in tests both act through this one class.
"""

import copy
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from tests.fakes.discord import content, payload, payload_messages
from tests.fakes.discord.interaction import Interaction
from tests.fakes.discord.permissions import permissions
from tests.fakes.discord.refusal import Refusal
from tests.fakes.discord.request import File
from tests.fakes.discord.world import Channel, Guild, Json, Message, Snowflakes, User, Webhook

Emit = Callable[[str, Json, "Channel | Guild | None"], None]


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody's typing in a channel; `at` is in monotonic seconds."""

    channel: Channel
    user: User
    at: float


class Platform:
    """`emit(event, data, where)` tells every session that may know; `where` decides who may."""

    def __init__(self, emit: Emit) -> None:
        self.emit = emit
        self.next_id = Snowflakes()
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.messages: list[Message] = []
        self.typings: list[Typing] = []
        self.interactions: dict[str, Interaction] = {}
        self.commands: dict[int | None, list[Json]] = {}
        self.files: dict[str, File] = {}
        self.downloads: list[str] = []
        self.cdn, self.gateway = "", ""
        self.ack_window, self.token_life, self.nonce_window = 3.0, 900.0, 180.0
        self._nonces: dict[tuple[int, str], Message] = {}
        self.bot = self.add(User(self.next_id(), "alterego", bot=True))
        self.owner = self.add(User(self.next_id(), "keeper"))

    def add(self, user: User) -> User:
        self.users[user.id] = user
        return user

    def now(self) -> float:
        return time.monotonic()

    def may(self, user: User, channel: Channel, *names: str) -> bool:
        wanted = permissions(*names)
        return channel.permissions(user) & wanted == wanted

    def channel(self, key: int) -> Channel:
        """The channel, if the bot may see it; 10003 or 50001 otherwise."""
        channel = self.channels.get(key)
        if channel is None:
            raise Refusal(10003)
        if not self.may(self.bot, channel, "view_channel"):
            raise Refusal(50001)
        return channel

    def need(self, channel: Channel, *names: str) -> None:
        if not self.may(self.bot, channel, *names):
            raise Refusal(50013)

    def guild(self, key: int) -> Guild:
        """The guild, if the bot is in it; 10004 or 50001 otherwise."""
        guild = self.guilds.get(key)
        if guild is None:
            raise Refusal(10004)
        if self.bot.id not in guild.members:
            raise Refusal(50001)
        return guild

    def message(self, channel: Channel, key: int) -> Message:
        found = channel.messages.get(key)
        if found is None:
            raise Refusal(10008)
        return found

    def store(self, channel: Channel, file: File) -> Json:
        """Keep an uploaded file for the CDN; its attachment object."""
        key = self.next_id()
        path = f"attachments/{channel.id}/{key}/{file.name}"
        self.files[path] = file
        url = f"{self.cdn}/{path}"
        kind = {"content_type": file.kind} if file.kind else {}
        shown = {"id": str(key), "filename": file.name, "size": len(file.data)}
        return shown | {"url": url, "proxy_url": url} | kind

    def post(self, message: Message, body: Json, files: Iterable[File] = ()) -> Message:
        """Write, keep and announce a message. With `enforce_nonce` a known nonce gives back what it made."""
        known = self._repeated(message.author, body)
        if known is not None:
            if known.deleted:
                raise Refusal(10008)
            return known
        message.nonce = body.get("nonce")
        content.write(self, message, body, list(files))
        if message.nonce is not None:
            self._nonces[message.author.id, str(message.nonce)] = message
        return self.publish(message)

    def _repeated(self, author: User, body: Json) -> Message | None:
        if not body.get("enforce_nonce") or body.get("nonce") is None:
            return None
        known = self._nonces.get((author.id, str(body["nonce"])))
        return known if known and self.now() - known.at < self.nonce_window else None

    def publish(self, message: Message) -> Message:
        """Keep and announce a written message; an ephemeral one is kept by its interaction alone."""
        self.messages.append(message)
        if not message.ephemeral:
            message.channel.messages[message.id] = message
            self.tell("MESSAGE_CREATE", message)
        return message

    def rewrite(self, message: Message, body: Json, files: Iterable[File] = ()) -> Message:
        """Change a message and announce it; a refused change leaves it as it was."""
        draft = copy.copy(message)
        draft.versions = list(message.versions)
        content.write(self, draft, body, list(files))
        for one in fields(message):
            setattr(message, one.name, getattr(draft, one.name))
        if not message.ephemeral:
            self.tell("MESSAGE_UPDATE", message)
        return message

    def tell(self, event: str, message: Message) -> None:
        self.emit(event, payload_messages.event(message, self.bot), message.channel)

    def erase(self, message: Message) -> None:
        message.deleted = True
        if message.channel.messages.pop(message.id, None):
            self.emit("MESSAGE_DELETE", {"id": str(message.id)} | where(message.channel), message.channel)

    def erase_many(self, channel: Channel, messages: Iterable[Message]) -> None:
        gone = [message for message in messages if channel.messages.pop(message.id, None)]
        for message in gone:
            message.deleted = True
        ids = [str(message.id) for message in gone]
        self.emit("MESSAGE_DELETE_BULK", {"ids": ids} | where(channel), channel)

    def react(self, message: Message, user: User, emoji: str) -> None:
        users = message.reactions.setdefault(emoji, [])
        if user not in users:
            users.append(user)
            self._tell_reaction("MESSAGE_REACTION_ADD", message, user, emoji)

    def unreact(self, message: Message, user: User, emoji: str) -> None:
        users = message.reactions.get(emoji, [])
        if user not in users:
            raise Refusal(10014)
        users.remove(user)
        if not users:
            del message.reactions[emoji]
        self._tell_reaction("MESSAGE_REACTION_REMOVE", message, user, emoji)

    def _tell_reaction(self, event: str, message: Message, user: User, emoji: str) -> None:
        found: Json = {
            "user_id": str(user.id),
            "message_id": str(message.id),
            "emoji": payload_messages.emoji(emoji),
        }
        found |= {"burst": False, "type": 0} | where(message.channel)
        guild = message.channel.guild
        if guild and event == "MESSAGE_REACTION_ADD" and user.id in guild.members:
            found["member"] = payload.member(guild.members[user.id])
        self.emit(event, found, message.channel)

    def type(self, channel: Channel, user: User) -> None:
        self.typings.append(Typing(channel, user, self.now()))
        found: Json = {"user_id": str(user.id), "timestamp": int(time.time())} | where(channel)
        if channel.guild and user.id in channel.guild.members:
            found["member"] = payload.member(channel.guild.members[user.id])
        self.emit("TYPING_START", found, channel)

    def direct(self, *users: User) -> Channel:
        """The one direct chat of these users, made at the first call."""
        for channel in self.channels.values():
            if channel.guild is None and set(channel.recipients) == set(users):
                return channel
        return self.open(Channel(self.next_id(), 1, "", recipients=list(users)))

    def open(self, channel: Channel) -> Channel:
        """Put a new channel or thread into the world and announce it where it belongs to a guild."""
        self.channels[channel.id] = channel
        if channel.guild:
            channel.guild.channels[channel.id] = channel
            found = payload.channel(channel) | ({"newly_created": True} if channel.is_thread else {})
            self.emit("THREAD_CREATE" if channel.is_thread else "CHANNEL_CREATE", found, channel)
        return channel

    def close(self, channel: Channel) -> None:
        """Delete a channel with its threads and webhooks."""
        for thread in [one for one in self.channels.values() if one.parent is channel]:
            self.close(thread)
        for webhook in [one for one in self.webhooks.values() if one.channel is channel]:
            del self.webhooks[webhook.id]
        data = payload.channel(channel)
        self.emit("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", data, channel)
        del self.channels[channel.id]
        if channel.guild:
            channel.guild.channels.pop(channel.id, None)

    def drop(self, webhook: Webhook) -> None:
        self.webhooks.pop(webhook.id, None)
        self.emit("WEBHOOKS_UPDATE", where(webhook.channel), webhook.channel)


def where(channel: Channel) -> Json:
    found = {"channel_id": str(channel.id)}
    return found | ({"guild_id": str(channel.guild.id)} if channel.guild else {})
