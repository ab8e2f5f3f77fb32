"""Platforms: Discord, Telegram and the terminal, each translated to and from the chat's messages."""
