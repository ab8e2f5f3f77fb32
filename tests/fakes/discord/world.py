"""Discord's world: users, guilds, channels, webhooks and messages, as plain records with identity."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.discord.permissions import ALL, Overwrite

Json = dict[str, Any]

TEXT, DM, PUBLIC_THREAD, PRIVATE_THREAD = 0, 1, 11, 12
EPOCH = 1_420_070_400_000
"""Milliseconds of the first second of 2015, where Discord's ids begin."""


class Snowflakes:
    """Ids as Discord makes them: milliseconds since 2015 above 22 bits, growing."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        self._last = max(self._last + 1, (int(time.time() * 1000) - EPOCH) << 22)
        return self._last


def timestamp() -> str:
    return datetime.now(UTC).isoformat()


@dataclass(eq=False, slots=True)
class User:
    id: int
    name: str
    bot: bool = False
    global_name: str | None = None
    avatar: str | None = None
    avatar_url: str | None = None
    accepts_dms: bool = True
    discriminator: str = "0"

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False, slots=True)
class Role:
    id: int
    name: str
    permissions: int
    position: int
    mentionable: bool = False

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"


@dataclass(eq=False, slots=True)
class Member:
    user: User
    roles: list[Role]
    nick: str | None = None
    joined_at: str = field(default_factory=timestamp)


@dataclass(eq=False, slots=True)
class Guild:
    id: int
    name: str
    owner: User
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)

    @property
    def everyone(self) -> Role:
        return self.roles[self.id]


@dataclass(eq=False, slots=True)
class Channel:
    """A text channel, a thread (with its parent) or a direct chat (with its recipients)."""

    id: int
    kind: int
    name: str
    guild: Guild | None = None
    parent: Channel | None = None
    recipients: list[User] = field(default_factory=list)
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    owner: User | None = None
    archived: bool = False
    locked: bool = False
    topic: str | None = None
    since: str = field(default_factory=timestamp)

    @property
    def is_thread(self) -> bool:
        return self.parent is not None

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def texts(self) -> list[str]:
        """The texts of the channel's messages, oldest first."""
        return [message.content for message in self.messages.values()]

    def permissions(self, user: User) -> int:
        """The bits `user` has here; 0 for a stranger to the guild."""
        if self.guild is None:
            return ALL if user in self.recipients else 0
        member = self.guild.members.get(user.id)
        if member is None:
            return 0
        place = self.parent or self
        return _permissions(self.guild, member, place)


def _permissions(guild: Guild, member: Member, place: Channel) -> int:
    """https://discord.com/developers/docs/topics/permissions, computing permissions."""
    bits = guild.everyone.permissions
    for role in member.roles:
        bits |= role.permissions
    if member.user is guild.owner or bits & 8:
        return ALL
    layers = [[guild.id], [role.id for role in member.roles], [member.user.id]]
    for layer in layers:
        found = [place.overwrites[key] for key in layer if key in place.overwrites]
        for overwrite in found:
            bits &= ~overwrite.deny
        for overwrite in found:
            bits |= overwrite.allow
    return bits


@dataclass(eq=False, slots=True)
class Webhook:
    id: int
    token: str
    channel: Channel
    name: str
    creator: User
    avatar: str | None = None
    application: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a message; its time in monotonic seconds; `pings` has mentions as `@everyone`, `<@1>`."""

    content: str
    at: float
    pings: frozenset[str]


@dataclass(eq=False, slots=True)
class Message:
    id: int
    channel: Channel
    author: User
    content: str = ""
    kind: int = 0
    sent: str = field(default_factory=timestamp)
    edited: str | None = None
    embeds: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: int = 0
    tts: bool = False
    nonce: str | int | None = None
    reply_to: Message | None = None
    reference: Json | None = None
    webhook: int | None = None
    application: int | None = None
    interaction: Json | None = None
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    reactions: dict[str, list[User]] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    deleted: bool = False
    more: Json = field(default_factory=dict)  # further fields, as they stand in the API

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & 64)

    @property
    def loading(self) -> bool:
        return bool(self.flags & 128)

    @property
    def pings(self) -> frozenset[str]:
        """Everybody whom any version of this message would have pinged."""
        return frozenset().union(*(version.pings for version in self.versions))

    @property
    def at(self) -> float:
        """The time of the first version, in monotonic seconds."""
        return self.versions[0].at
