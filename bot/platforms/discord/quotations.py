"""Quotations of a Discord message: the message it replies to, and the messages it forwards."""

from collections.abc import Callable, Iterator

import discord

from bot.message import Author, Quotation
from bot.platforms.discord.translate import Recipient, author_of, cut, message_text, readable_content
from bot.prompt.turns import MAX_UNSEEN_QUOTE

IsOwn = Callable[[discord.Message], bool]


def quotations_of(message: discord.Message, recipient: Recipient, is_own: IsOwn) -> Iterator[Quotation]:
    """Yield the message replied to, and each forwarded one, whose author Discord does not tell."""
    replied = message.reference.resolved if message.reference else None
    if message.type is discord.MessageType.reply and isinstance(replied, discord.Message):
        author = author_of(replied, recipient)
        author = Author("", author.name, is_bot=True) if is_own(replied) else author
        text = cut(message_text(replied, recipient) or _forwarded(replied, recipient), MAX_UNSEEN_QUOTE)
        yield Quotation("reply", author, text, str(replied.id))
    if forwarded := _forwarded(message, recipient):
        yield Quotation("forward", Author("", ""), cut(forwarded, recipient.longest))


def _forwarded(message: discord.Message, recipient: Recipient) -> str:
    texts = (readable_content(each, message.guild, recipient.me) for each in message.message_snapshots)
    return "\n".join(filter(None, texts))
