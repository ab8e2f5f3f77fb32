"""Discord: what people say there becomes messages, and what personas answer is said there."""

from bot.platforms.discord.platform import Discord

__all__ = ["Discord"]
