"""Telegram, on python-telegram-bot; nothing else imports that library."""

from bot.platforms.telegram.platform import Telegram

__all__ = ["Telegram"]
