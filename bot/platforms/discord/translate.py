"""Discord messages as chat messages: readable text, and the address (mention, reply, direct)."""

import re
from collections.abc import Callable, Mapping

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
    """Return whether somebody wrote the message, as opposed to joins, pins and other system messages."""
    return message.type in _MESSAGE_TYPES


def to_message(message: discord.Message, place: Place, text: str, address: Address) -> Message:
    """Return the chat message, with the Discord message's id, time and author."""
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


def message_text(message: discord.Message, me: discord.ClientUser, longest: int) -> str:
    """Return the text with names in place of ids, and a word for each attachment; empty for an empty message.

    A mention of the bot is dropped at either end of the text, where the mention only calls the bot, and
    becomes the bot's name elsewhere. A text longer than `longest` characters is cut.
    """
    text = strip_mentions(message.content, _bot_mentions(message, me))
    names = {user.id: user.display_name for user in message.mentions}
    text = _TOKEN.sub(lambda token: _token_text(token, message, me, names), text).strip()
    parts = [*filter(None, [text]), *_attachment_words(message)]
    full = "\n".join(parts) if parts else f"@{me.display_name}" if message.content.strip() else ""
    return full if len(full) <= longest else full[: longest - 1] + "…"


def address_of(
    message: discord.Message, me: discord.ClientUser, is_own: Callable[[discord.Message], bool]
) -> Address:
    """Return the message's address; a message in the bot's own thread has none here."""
    if message.guild is None:
        return "direct"
    replied = message.reference.resolved if message.reference else None
    if message.type is discord.MessageType.reply and isinstance(replied, discord.Message) and is_own(replied):
        return "reply"
    return "mention" if any(token in message.content for token in _bot_mentions(message, me)) else ""


def _bot_mentions(message: discord.Message, me: discord.ClientUser) -> tuple[str, ...]:
    """Return the mentions of the bot: of its user, and of the role that Discord made for the bot."""
    role = message.guild.self_role if message.guild else None
    return (f"<@{me.id}>", f"<@!{me.id}>", *([f"<@&{role.id}>"] if role else []))


def strip_mentions(text: str, mentions: tuple[str, ...]) -> str:
    """Return the text without the bot's mentions at its beginning and end."""
    text = text.strip()
    first = re.match(f"(?:(?:{'|'.join(mentions)})[ \n\t,:]*)*", text)
    start, end = first.end() if first else 0, len(text)
    while token := next((token for token in mentions if text.endswith(token, start, end)), ""):
        end -= len(token)
        while end > start and text[end - 1].isspace():
            end -= 1
    return text[start:end]


def _token_text(
    token: re.Match[str], message: discord.Message, me: discord.ClientUser, names: Mapping[int, str]
) -> str:
    """Return the words for a token; `names` are those of the mentioned users by id."""
    if token["emoji"]:
        return f":{token['emoji']}:"
    if token["command"]:
        return f"/{token['command']}"
    entity_id = int(token["id"])
    if token["kind"] == "#":
        channel = message.guild.get_channel_or_thread(entity_id) if message.guild else None
        return f"#{channel.name}" if channel else "#channel"
    if token["kind"] == "@&":
        role = message.guild.get_role(entity_id) if message.guild else None
        return f"@{role.name}" if role else "@role"
    if entity_id == me.id:
        return f"@{me.display_name}"
    return f"@{names.get(entity_id, 'someone')}"


def _attachment_words(message: discord.Message) -> list[str]:
    """Return a word for each part of the message that is no text."""
    found = [
        _ATTACHMENTS.get((file.content_type or "").split("/")[0], "[file]") for file in message.attachments
    ]
    found += ["[sticker]" for _ in message.stickers]
    found += ["[poll]"] if message.poll else []
    found += ["[forwarded message]" for _ in message.message_snapshots]
    if not found and not message.content.strip() and (message.embeds or message.components):
        found = ["[embed]"]
    return found
