"""A session of the gateway: the bot's intents, and all events sent, so that the bot can resume."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.discord.world import Channel, Guild, Json

if TYPE_CHECKING:
    from tests.fakes.discord.connection import Connection

INTENTS = {
    name: 1 << bit
    for bit, name in enumerate(
        "guilds members moderation expressions integrations webhooks invites voice presences messages"
        " reactions typing direct_messages direct_reactions direct_typing message_content"
        " scheduled_events".split()
    )
} | {"automod": 1 << 20, "automod_execution": 1 << 21, "polls": 1 << 24, "direct_polls": 1 << 25}
PRIVILEGED = INTENTS["members"] | INTENTS["presences"] | INTENTS["message_content"]
KNOWN = sum(INTENTS.values())

_BY_PREFIX = {
    "MESSAGE_REACTION": ("reactions", "direct_reactions"),
    "MESSAGE": ("messages", "direct_messages"),
    "TYPING": ("typing", "direct_typing"),
    "GUILD_MEMBER_": ("members", "members"),
    "WEBHOOKS": ("webhooks", "webhooks"),
    "GUILD": ("guilds", "guilds"),
    "CHANNEL": ("guilds", "guilds"),
    "THREAD": ("guilds", "guilds"),
}


def intent(event: str, in_guild: bool) -> int:
    """The intent that an event needs; 0 for those that every session gets."""
    for prefix, (guild, direct) in _BY_PREFIX.items():
        if event.startswith(prefix):
            return INTENTS[guild if in_guild else direct]
    return 0


def in_guild(where: Channel | Guild | None) -> bool:
    return not (isinstance(where, Channel) and where.guild is None)


@dataclass(eq=False, slots=True)
class Session:
    intents: int
    bot: int
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    since: float = field(default_factory=time.monotonic)
    sequence: int = 0
    log: list[tuple[int, str, str]] = field(default_factory=list)
    connection: Connection | None = None
    resumed: int = 0

    def has(self, name: str) -> bool:
        return bool(self.intents & INTENTS[name])

    def tell(self, event: str, data: Json) -> None:
        """Number an event, keep it for a resume and send it over an open connection."""
        self.sequence += 1
        frame = json.dumps({"op": 0, "t": event, "s": self.sequence, "d": data})
        self.log.append((self.sequence, event, frame))
        if self.connection:
            self.connection.push(frame)

    def repeat(self, event: str, times: int) -> None:
        """Send the last event of this name again under its old number."""
        frame = next(frame for _, name, frame in reversed(self.log) if name == event)
        for _ in range(times):
            if self.connection:
                self.connection.push(frame)

    def wants(self, event: str, where: Channel | Guild | None) -> bool:
        needed = intent(event, in_guild(where))
        return not needed or bool(self.intents & needed)

    def sees(self, event: str, where: Channel | Guild | None, data: Json) -> Json:
        """The event as this session gets it: without the intent, what people wrote is empty.

        Exempt are direct chats, the bot's own messages and those that mention it.
        """
        if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or self.has("message_content"):
            return data
        bot = str(self.bot)
        if not in_guild(where) or data["author"]["id"] == bot:
            return data
        if any(user["id"] == bot for user in data["mentions"]):
            return data
        return data | {"content": "", "embeds": [], "attachments": [], "components": []}
