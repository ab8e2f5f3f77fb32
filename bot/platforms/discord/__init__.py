"""Discord: messages from servers and direct chats in, persona answers out."""

from bot.platforms.discord.platform import Discord

__all__ = ["Discord"]
