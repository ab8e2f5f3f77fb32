"""Telegram's updates as events of the bot."""

from collections.abc import Mapping

from pydantic import ValidationError

from bot.message import Address, Author, Message, Place
from bot.platforms.telegram import wire
from bot.platforms.telegram.events import (
    BotAccount,
    ButtonEvent,
    CommandEvent,
    EditEvent,
    Event,
    IgnoredEvent,
    Invoker,
    MembershipEvent,
    MessageEvent,
    MigrationEvent,
)
from bot.platforms.telegram.typed_command import find_typed_command

PLATFORM = "telegram"
ANONYMOUS, CHANNEL, LINKED = (
    1087968824,
    136817688,
    777000,
)  # Telegram's accounts for messages that a chat sends
_LONGEST_MENTION = 80  # characters: a command of 32, an @, a username of 32
_MEDIA = {  # an animation is also a document
    "photo": "[picture]",
    "video": "[video]",
    "animation": "[animation]",
    "video_note": "[video message]",
    "voice": "[voice message]",
    "audio": "[audio]",
    "document": "[file]",
    "paid_media": "[picture]",
    "location": "[location]",
    "venue": "[place]",
    "contact": "[contact]",
    "poll": "[poll]",
    "story": "[story]",
    "game": "[game]",
}


class UnreadableUpdate(Exception):
    """An update that breaks the Bot API's format; the text names the field, and none of its content."""


def parse_update(update: Mapping[str, object], account: BotAccount) -> Event:
    """Return an update's event. Raises `UnreadableUpdate` where the update breaks the Bot API's format."""
    try:
        parsed = wire.Update.model_validate(update)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(
            str(part) for part in first["loc"] if part in wire.UPDATE_KINDS or isinstance(part, str)
        )
        raise UnreadableUpdate(f"{field}: {first['type']}") from None
    if message := parsed.message or parsed.channel_post:
        return _message(message, account, is_post=parsed.message is None)
    if edited := parsed.edited_message or parsed.edited_channel_post:
        return _edit(edited, account)
    if query := parsed.callback_query:
        return _button(query)
    if change := parsed.my_chat_member:
        old, new = change.old_chat_member.status, change.new_chat_member.status
        return MembershipEvent(_place(change.chat.id, account), old, new, _user(change.author))
    return IgnoredEvent("not asked for")


def _place(chat: int, account: BotAccount, thread: int | None = None) -> Place:
    return Place(PLATFORM, account.account, str(chat), str(thread or ""))


def _place_of(message: wire.Message, account: BotAccount) -> Place:
    """Return the message's place; a reply in a group without topics has a thread id without a thread."""
    return _place(message.chat.id, account, message.message_thread_id if message.is_topic_message else None)


def _message(message: wire.Message, account: BotAccount, *, is_post: bool) -> Event:
    if message.business_connection_id or message.guest_query_id:
        return IgnoredEvent("a guest's message")
    if message.migrate_to_chat_id is not None:
        return MigrationEvent(_place(message.chat.id, account), _place(message.migrate_to_chat_id, account))
    if message.migrate_from_chat_id is not None:
        return MigrationEvent(_place(message.migrate_from_chat_id, account), _place(message.chat.id, account))
    if message.author and message.author.id == account.id:
        return IgnoredEvent("its own")
    if event := _command(message, account, is_post):
        return event
    text = _text(message)
    return MessageEvent(_to_message(message, text, account)) if text else IgnoredEvent("no words")


def _command(message: wire.Message, account: BotAccount, is_post: bool) -> Event | None:
    """Return the event of a command to this bot; None for words to the persona, such as a caption."""
    typed = find_typed_command(message.text, account.username, is_private=message.chat.type == "private")
    if typed is None:
        return None
    if typed.is_foreign:
        return IgnoredEvent("another bot's command")
    if is_post or not _is_typed_by_author(message):
        return None
    invoker, place = _invoker(message), _place_of(message, account)
    date = float(message.date)
    return CommandEvent(place, str(message.message_id), invoker, typed.name, typed.argument, date)


def _is_typed_by_author(message: wire.Message) -> bool:
    """Return whether a person, or an anonymous admin, typed the message: no forward, no inline bot's text."""
    if message.forward_origin is not None or message.via_bot or message.author is None:
        return False
    return not message.author.is_bot or _is_anonymous_admin(message)


def _is_anonymous_admin(message: wire.Message) -> bool:
    return bool(
        message.author
        and message.author.id == ANONYMOUS
        and message.sender_chat
        and message.sender_chat.id == message.chat.id
    )


def _invoker(message: wire.Message) -> Invoker:
    author = _author(message)
    sender_chat = message.sender_chat.id if message.sender_chat else None
    return Invoker(message.author.id if message.author else 0, author.name, message.chat.id, sender_chat)


def _edit(message: wire.Message, account: BotAccount) -> Event:
    if message.business_connection_id or message.guest_query_id:
        return IgnoredEvent("a guest's message")
    text = _text(message)
    return (
        EditEvent(_place_of(message, account), str(message.message_id), text)
        if text
        else IgnoredEvent("no words")
    )


def _button(query: wire.CallbackQuery) -> ButtonEvent:
    chat = query.message.chat.id if query.message else 0
    invoker = Invoker(query.author.id, _name(query.author), chat)
    return ButtonEvent(query.id, invoker, str(query.message.message_id) if query.message else "", query.data)


def _to_message(message: wire.Message, text: str, account: BotAccount) -> Message:
    replied = _replied(message)
    return Message(
        _place_of(message, account),
        str(message.message_id),
        _author(message),
        text,
        float(message.date),
        address=_address(message, replied, account),
        reply_to=str(replied.message_id) if replied else None,
    )


def _author(message: wire.Message) -> Author:
    """Return the author; a chat that sends in its own name counts as a person."""
    if chat := message.sender_chat:
        return Author(str(chat.id), chat.title or chat.first_name)
    if message.author is None:
        return Author(str(message.chat.id), message.chat.title)
    return _user(message.author)


def _user(user: wire.User) -> Author:
    return Author(str(user.id), _name(user), user.is_bot)


def _name(user: wire.User) -> str:
    return f"{user.first_name} {user.last_name}".strip()


def _replied(message: wire.Message) -> wire.RepliedMessage | None:
    """Return the deliberately replied message; each message of a topic also replies to its creation."""
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created is not None:
        return None
    return replied


def _address(message: wire.Message, replied: wire.RepliedMessage | None, account: BotAccount) -> Address:
    if message.chat.type == "private":
        return "direct"
    if _mentions(message, account):
        return "mention"
    return "reply" if replied and replied.author and replied.author.id == account.id else ""


def _mentions(message: wire.Message, account: BotAccount) -> bool:
    text = (message.text or message.caption).encode("utf-16-le", "surrogatepass")
    at = f"@{account.username}".casefold()
    for entity in (*message.entities, *message.caption_entities):
        if entity.type == "text_mention" and entity.user and entity.user.id == account.id:
            return True
        if entity.type not in ("mention", "bot_command") or entity.length > _LONGEST_MENTION:
            continue
        part = text[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le", "replace")
        if entity.type == "mention" and part.casefold() == at:
            return True
        if entity.type == "bot_command" and part.casefold().endswith(at):
            return True
    return False


def _text(message: wire.Message) -> str:
    """Return the text, with a word for each attachment, and a mark on a forwarded text."""
    emoji = message.sticker or message.dice
    media = (emoji.emoji or "[sticker]") if emoji else ""
    media = media or next((word for kind, word in _MEDIA.items() if kind in (message.model_extra or {})), "")
    text = " ".join(filter(None, (media, message.text or message.caption)))
    is_forwarded = message.forward_origin is not None and not message.is_automatic_forward
    return f"[forwarded] {text}" if text and is_forwarded else text
