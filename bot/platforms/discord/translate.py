"""From a message on Discord to what a persona reads: readable words, and how it turned to the bot."""

import re
from collections.abc import Callable

import discord

from bot.message import Address, Author, Message, Place

_TOKEN = re.compile(
    r"<(?P<kind>@!?|@&|#)(?P<id>\d{15,20})>"
    r"|<a?:(?P<emoji>\w{1,32}):\d{15,20}>"
    r"|</(?P<command>[^:<>]{1,100}):\d{15,20}>"
)
_ATTACHMENTS = {"image": "[picture]", "video": "[video]", "audio": "[audio]"}
_MESSAGE_TYPES = (
    discord.MessageType.default,
    discord.MessageType.reply,
    discord.MessageType.chat_input_command,
    discord.MessageType.context_menu_command,
)


def is_written(message: discord.Message) -> bool:
    """Whether somebody said it, as opposed to joins, pins and the like."""
    return message.type in _MESSAGE_TYPES


def to_message(message: discord.Message, place: Place, text: str, address: Address) -> Message:
    """The message, with its own id, time and author."""
    author = message.author
    is_reply = message.type is discord.MessageType.reply and message.reference is not None
    return Message(
        place,
        str(message.id),
        Author(str(author.id), author.display_name, author.bot or message.webhook_id is not None),
        text,
        message.created_at.timestamp(),
        address,
        str(message.reference.message_id)
        if is_reply and message.reference and message.reference.message_id
        else None,
    )


def message_text(said: discord.Message, me: discord.ClientUser, longest: int) -> str:
    """What was said, with names for ids, and a word for each thing that is no text; empty for nothing at all.

    The bot's own mention is left out at either end, where it only calls, and is its name elsewhere. A text
    that is too long is cut.
    """
    text = _strip_mentions(said.content, _bot_mentions(said, me))
    text = _TOKEN.sub(lambda token: _token_text(token, said, me), text).strip()
    parts = [*filter(None, [text]), *_attachment_words(said)]
    whole = "\n".join(parts) if parts else f"@{me.display_name}" if said.content.strip() else ""
    return whole if len(whole) <= longest else whole[: longest - 1] + "…"


def address_of(
    said: discord.Message, me: discord.ClientUser, is_own: Callable[[discord.Message], bool]
) -> Address:
    """How the message turned to the bot; its threads are not looked at."""
    if said.guild is None:
        return "direct"
    answered = said.reference.resolved if said.reference else None
    if said.type is discord.MessageType.reply and isinstance(answered, discord.Message) and is_own(answered):
        return "reply"
    return "mention" if any(token in said.content for token in _bot_mentions(said, me)) else ""


def _bot_mentions(said: discord.Message, me: discord.ClientUser) -> tuple[str, ...]:
    """How the bot is mentioned: as a user, and by the role that Discord made for it."""
    role = said.guild.self_role if said.guild else None
    return (f"<@{me.id}>", f"<@!{me.id}>", *([f"<@&{role.id}>"] if role else []))


def _strip_mentions(text: str, mentions: tuple[str, ...]) -> str:
    """The text without the bot's mentions at its beginning and end."""
    text, before = text.strip(), ""
    while text != before:
        before = text
        for token in mentions:
            if text.startswith(token):
                text = text.removeprefix(token).lstrip(" \n\t,:")
            text = text.removesuffix(token).rstrip()
    return text


def _token_text(token: re.Match[str], said: discord.Message, me: discord.ClientUser) -> str:
    if token["emoji"]:
        return f":{token['emoji']}:"
    if token["command"]:
        return f"/{token['command']}"
    key = int(token["id"])
    if token["kind"] == "#":
        channel = said.guild.get_channel_or_thread(key) if said.guild else None
        return f"#{channel.name}" if channel else "#channel"
    if token["kind"] == "@&":
        role = said.guild.get_role(key) if said.guild else None
        return f"@{role.name}" if role else "@role"
    if key == me.id:
        return f"@{me.display_name}"
    return next((f"@{user.display_name}" for user in said.mentions if user.id == key), "@someone")


def _attachment_words(said: discord.Message) -> list[str]:
    """A word for everything that is no text."""
    found = [_ATTACHMENTS.get((file.content_type or "").split("/")[0], "[file]") for file in said.attachments]
    found += ["[sticker]" for _ in said.stickers]
    found += ["[poll]"] if said.poll else []
    found += ["[forwarded message]" for _ in said.message_snapshots]
    if not found and not said.content.strip() and (said.embeds or said.components):
        found = ["[embed]"]
    return found
