"""Quotations of a Telegram message: the message it replies to, or a part of it, and a forwarded message."""

from collections.abc import Iterator

from bot.message import Author, Quotation
from bot.platforms.telegram import wire
from bot.platforms.telegram.content import content_words, media_name
from bot.platforms.telegram.events import BotAccount
from bot.prompt.turns import MAX_UNSEEN_QUOTE


def quotations_of(message: wire.Message, account: BotAccount) -> Iterator[Quotation]:
    """Yield the quotations that came with a message."""
    replied = replied_message(message)
    if replied:
        author = _own(author_of(replied, Author("", "")), account)
        yield from _replied(message, author, replied, str(replied.message_id))
    elif message.external_reply:
        origin = _origin_author(message.external_reply.origin, account)
        yield from _replied(message, origin, message.external_reply, "")
    if is_forwarded(message) and (words := content_words(message.fields)):
        yield Quotation("forward", _origin_author(message.forward_origin, account), words)


def replied_message(message: wire.Message) -> wire.RepliedMessage | None:
    """Return the deliberately replied message; each message of a topic also replies to its creation."""
    replied = message.reply_to_message
    return None if replied is None or replied.forum_topic_created is not None else replied


def is_forwarded(message: wire.Message) -> bool:
    """Return whether the words are another's: a channel's posts in its own discussion group are not."""
    return message.forward_origin is not None and not message.is_automatic_forward


def author_of(message: wire.Message | wire.RepliedMessage, nobody: Author) -> Author:
    """Return the author, else `nobody`; a chat that sends in its own name counts as a person."""
    if chat := message.sender_chat:
        return Author(str(chat.id), chat.title or chat.first_name)
    return user_author(message.author) if message.author else nobody


def user_author(user: wire.User) -> Author:
    return Author(str(user.id), f"{user.first_name} {user.last_name}".strip(), user.is_bot)


def _replied(
    message: wire.Message, author: Author, replied: wire.Content, source: str
) -> Iterator[Quotation]:
    """Yield the selected part of the message replied to, else the message as far as a prompt quotes it.

    A part of a caption has the name of what the caption is to.
    """
    if message.quote and message.quote.text.strip():
        part = " ".join(filter(None, (media_name(replied.fields), message.quote.text)))
        yield Quotation("excerpt", author, part[:MAX_UNSEEN_QUOTE], source)
    elif words := content_words(replied.fields):
        yield Quotation("reply", author, words[:MAX_UNSEEN_QUOTE], source)


def _origin_author(origin: wire.Origin | None, account: BotAccount) -> Author:
    """Return the author of a message that stands elsewhere; one whom Telegram hides has a name alone."""
    if origin is None:
        return Author("", "")
    if origin.sender_user:
        return _own(user_author(origin.sender_user), account)
    if chat := origin.sender_chat or origin.chat:
        return Author(str(chat.id), chat.title or chat.first_name)
    return Author(f"hidden:{origin.sender_user_name}", origin.sender_user_name)


def _own(author: Author, account: BotAccount) -> Author:
    """Return the author; the bot itself without id and name, since a persona spoke through it."""
    return Author("", "", is_bot=True) if author.id == account.account else author
