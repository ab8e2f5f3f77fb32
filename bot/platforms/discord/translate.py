"""Discord messages as chat messages: readable text, address (mention, reply, direct), and author."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import discord

from bot.message import Address, Author, Message, Place, Quotation
from bot.platforms.discord.extras import MessageContent, component_texts, extra_words, has_unread
from bot.text.cut_text import cut_text, is_cut
from bot.text.markdown import code_spans
from bot.text.visibility import is_visible

_TOKEN = re.compile(
    r"<(?P<kind>@!?|@&|#)(?P<id>\d{15,20})>"
    r"|<a?:(?P<emoji>\w{1,32}):\d{15,20}>"
    r"|</(?P<command>[^:<>]{1,100}):\d{15,20}>"
)
_MESSAGE_TYPES = (
    discord.MessageType.default,
    discord.MessageType.reply,
    discord.MessageType.chat_input_command,
    discord.MessageType.context_menu_command,
)
# PluralKit and Tupperbox name the message that a proxied one replies to by its address
_REPLY_LINK = re.compile(
    r"https://(?:\w{1,10}\.)?discord(?:app)?\.com/channels/\d{1,20}/(\d{1,20})/(\d{1,20})"
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """The account that receives messages, and the length at which it cuts their text, in characters.

    `proxies` are the ids of webhooks, of applications with webhooks, and of bots, through which people speak.
    """

    me: discord.ClientUser
    longest: int
    proxies: frozenset[str] = frozenset()


def is_written(message: discord.Message) -> bool:
    """Return whether somebody wrote the message, as opposed to joins, pins and other system messages."""
    return message.type in _MESSAGE_TYPES


def to_message(
    message: discord.Message,
    place: Place,
    text: str,
    address: Address,
    recipient: Recipient,
    quotations: Iterable[Quotation] = (),
    file_texts: Mapping[int, str] | None = None,
) -> Message:
    """Return the chat message, with the Discord message's id, time and author."""
    return Message(
        place,
        str(message.id),
        author_of(message, recipient),
        text,
        message.created_at.timestamp(),
        address,
        replied_id(message, recipient),
        quotations=tuple(quotations),
        unread=has_unread(message, file_texts or {}) or is_cut(text),
        spoken=spoken_text(message, recipient, file_texts),
    )


def author_of(message: discord.Message, recipient: Recipient) -> Author:
    """Return the author; somebody who speaks through a proxy is a person of that name."""
    author = message.author
    if message.webhook_id is None:
        is_bot = author.bot and str(author.id) not in recipient.proxies
        return Author(str(author.id), author.display_name, is_bot)
    if is_proxied(message, recipient):
        return Author(f"{message.webhook_id}:{author.display_name}", author.display_name)
    return Author(str(author.id), author.display_name, is_bot=True)


def is_proxied(message: discord.Message, recipient: Recipient) -> bool:
    """Return whether a person speaks through a webhook of a known proxy, such as PluralKit."""
    ids = {str(message.webhook_id or ""), str(message.application_id or "")} - {""}
    return message.webhook_id is not None and not ids.isdisjoint(recipient.proxies)


def replied_id(message: discord.Message, recipient: Recipient) -> str | None:
    """Return the id of the message that this one replies to, also where a proxy tells it by a link."""
    if message.type is discord.MessageType.reply and message.reference and message.reference.message_id:
        return str(message.reference.message_id)
    if not is_proxied(message, recipient):
        return None
    links = (_REPLY_LINK.search(embed.description or "") for embed in message.embeds[:1])
    return next((link[2] for link in links if link and link[1] == str(message.channel.id)), None)


def message_text(
    message: discord.Message, recipient: Recipient, file_texts: Mapping[int, str] | None = None
) -> str:
    """Return the text with names in place of ids, and a line for each other part; empty for an empty message.

    A mention of the bot is dropped at either end of the text, where the mention only calls the bot, and
    becomes the bot's name elsewhere. A text that is too long tells how much is missing. `file_texts` are the
    texts of pasted files, by attachment id.
    """
    text = strip_mentions(message.content, _bot_mentions(message.guild, recipient.me))
    text = readable_content(message, message.guild, recipient.me, message.mentions, file_texts or {}, text)
    text = text if is_visible(text) else ""
    is_call = not text and message.content.strip() and not message.message_snapshots
    return cut_text(f"@{recipient.me.display_name}" if is_call else text, recipient.longest)


def spoken_text(
    message: discord.Message, recipient: Recipient, file_texts: Mapping[int, str] | None = None
) -> str:
    """Return what the author typed or pasted, without mentions of users: there, a name may call a persona."""

    def spoken(token: re.Match[str]) -> str:
        is_user = token["kind"] in ("@", "@!")
        return " " if is_user else _token_text(token, message.guild, recipient.me, {})

    pasted, laid_out = (file_texts or {}).values(), component_texts(message.components)
    return cut("\n".join((_TOKEN.sub(spoken, message.content), *pasted, *laid_out)), recipient.longest)


def readable_content(
    content: MessageContent,
    guild: discord.Guild | None,
    me: discord.ClientUser,
    mentions: Sequence[discord.User | discord.Member] = (),
    file_texts: Mapping[int, str] | None = None,
    text: str | None = None,
) -> str:
    """Return a message's text, or the given one, with names in place of ids, and its other parts."""
    names = {user.id: user.display_name for user in mentions}
    text = content.content if text is None else text
    text = _TOKEN.sub(lambda token: _token_text(token, guild, me, names), text).strip()
    return "\n".join(filter(None, [text, *extra_words(content, file_texts or {})]))


def cut(text: str, longest: int) -> str:
    """Return a text, cut at `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def address_of(
    message: discord.Message, me: discord.ClientUser, is_own: Callable[[discord.Message], bool]
) -> Address:
    """Return the message's address; a message in the bot's own thread has none here.

    A mention within code is none: Discord shows its letters, and pings nobody.
    """
    if message.guild is None:
        return "direct"
    replied = message.reference.resolved if message.reference else None
    if message.type is discord.MessageType.reply and isinstance(replied, discord.Message) and is_own(replied):
        return "reply"
    mentions = _bot_mentions(message.guild, me)
    if not any(token in message.content for token in mentions):
        return ""
    text = _without_code(message.content)
    return "mention" if any(token in text for token in mentions) else ""


def _without_code(text: str) -> str:
    """Return a text without inline code and fenced blocks; on Discord a fence that stays open is none."""
    pieces, at = list[str](), 0
    for span in code_spans(text):
        if span.closing_end <= len(text):
            pieces.append(text[at : span.opening_start])
            at = span.closing_end
    return " ".join((*pieces, text[at:]))


def _bot_mentions(guild: discord.Guild | None, me: discord.ClientUser) -> tuple[str, ...]:
    """Return the mentions of the bot: of its user, and of the role that Discord made for the bot."""
    role = guild.self_role if guild else None
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
    token: re.Match[str], guild: discord.Guild | None, me: discord.ClientUser, names: Mapping[int, str]
) -> str:
    """Return the words for a token; `names` are those of the mentioned users by id."""
    if token["emoji"]:
        return f":{token['emoji']}:"
    if token["command"]:
        return f"/{token['command']}"
    entity_id = int(token["id"])
    if token["kind"] == "#":
        channel = guild.get_channel_or_thread(entity_id) if guild else None
        return f"#{channel.name}" if channel else "#channel"
    if token["kind"] == "@&":
        role = guild.get_role(entity_id) if guild else None
        return f"@{role.name}" if role else "@role"
    if entity_id == me.id:
        return f"@{me.display_name}"
    return f"@{names.get(entity_id, 'someone')}"
