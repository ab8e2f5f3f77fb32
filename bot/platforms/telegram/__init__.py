"""Telegram, on python-telegram-bot; no other package of bot/ imports that library."""

from bot.platforms.telegram.platform import Telegram

__all__ = ["Telegram"]
