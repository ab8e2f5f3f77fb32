"""A Discord and a Telegram for the installed command."""

from tests.fixtures.towns import discord, telegram

__all__ = ["discord", "telegram"]
