"""Telegram's updates in the bot's own words."""

import re
from collections.abc import Mapping

from pydantic import ValidationError

from bot.chat.commands import COMMANDS
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

PLATFORM = "telegram"
ANONYMOUS, CHANNEL, LINKED = 1087968824, 136817688, 777000  # who stands in where a chat speaks
START_COMMAND = "start"  # what Telegram itself says to a bot first
_COMMAND_NAMES = {command.name for command in COMMANDS} | {START_COMMAND}
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{3,32}))?(?:\s+(.*))?", re.DOTALL)
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
    """An update that cannot be understood; the text says where, and nothing of what it holds."""


def parse_update(update: Mapping[str, object], me: BotAccount) -> Event:
    """What an update says; raise `Unreadable` for one that is not as the Bot API has it."""
    try:
        found = wire.Update.model_validate(update)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(
            str(part) for part in first["loc"] if part in wire.UPDATE_KINDS or isinstance(part, str)
        )
        raise UnreadableUpdate(f"{where}: {first['type']}") from None
    if message := found.message or found.channel_post:
        return _message(message, me, is_post=found.message is None)
    if edited := found.edited_message or found.edited_channel_post:
        return _edit(edited, me)
    if query := found.callback_query:
        return _button(query)
    if change := found.my_chat_member:
        old, new = change.old_chat_member.status, change.new_chat_member.status
        return MembershipEvent(_place(change.chat.id, me), old, new, _name(change.author))
    return IgnoredEvent("not asked for")


def _place(chat: int, me: BotAccount, thread: int | None = None) -> Place:
    return Place(PLATFORM, me.account, str(chat), str(thread or ""))


def _place_of(message: wire.Message, me: BotAccount) -> Place:
    """Replies in a group without topics have a thread id as well, which is no place of its own."""
    return _place(message.chat.id, me, message.message_thread_id if message.is_topic_message else None)


def _message(message: wire.Message, me: BotAccount, *, is_post: bool) -> Event:
    if message.business_connection_id or message.guest_query_id:
        return IgnoredEvent("said where the bot is only a guest")
    if message.migrate_to_chat_id is not None:
        return MigrationEvent(_place(message.chat.id, me), _place(message.migrate_to_chat_id, me))
    if message.migrate_from_chat_id is not None:
        return MigrationEvent(_place(message.migrate_from_chat_id, me), _place(message.chat.id, me))
    if message.author and message.author.id == me.id:
        return IgnoredEvent("its own")
    command = _COMMAND.fullmatch(message.text)
    if command and (event := _command(command, message, me, is_post)):
        return event
    text = _text(message)
    return MessageEvent(_to_message(message, text, me)) if text else IgnoredEvent("no words")


def _command(found: re.Match[str], message: wire.Message, me: BotAccount, is_post: bool) -> Event | None:
    """A command that is meant for this bot; None where it is said like anything else."""
    name, to = found[1].casefold(), (found[2] or "").casefold()
    is_ours = to == me.username.casefold()
    if message.chat.type != "private" and ((to and not is_ours) or (not to and name not in _COMMAND_NAMES)):
        return IgnoredEvent("another bot's command")
    if (to and not is_ours) or name not in _COMMAND_NAMES or is_post or not _is_typed_by_author(message):
        return None
    asker, place = _invoker(message), _place_of(message, me)
    return CommandEvent(place, str(message.message_id), asker, name, found[3] or "", float(message.date))


def _is_typed_by_author(message: wire.Message) -> bool:
    """Whether a person, or an anonymous admin, typed this themselves."""
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
    speaks_as = message.sender_chat.id if message.sender_chat else None
    return Invoker(message.author.id if message.author else 0, author.name, message.chat.id, speaks_as)


def _edit(message: wire.Message, me: BotAccount) -> Event:
    if message.business_connection_id or message.guest_query_id:
        return IgnoredEvent("said where the bot is only a guest")
    text = _text(message)
    return (
        EditEvent(_place_of(message, me), str(message.message_id), text) if text else IgnoredEvent("no words")
    )


def _button(query: wire.CallbackQuery) -> ButtonEvent:
    chat = query.message.chat.id if query.message else 0
    asker = Invoker(query.author.id, _name(query.author), chat)
    return ButtonEvent(query.id, asker, str(query.message.message_id) if query.message else "", query.data)


def _to_message(message: wire.Message, text: str, me: BotAccount) -> Message:
    replied = _replied(message)
    return Message(
        _place_of(message, me),
        str(message.message_id),
        _author(message),
        text,
        float(message.date),
        address=_address(message, replied, me),
        reply_to=str(replied.message_id) if replied else None,
    )


def _author(message: wire.Message) -> Author:
    """Who says it; a chat that speaks for itself is a person's words, whatever account stands in for it."""
    if chat := message.sender_chat:
        return Author(str(chat.id), chat.title or chat.first_name)
    if message.author is None:
        return Author(str(message.chat.id), message.chat.title)
    return Author(str(message.author.id), _name(message.author), message.author.is_bot)


def _name(user: wire.User) -> str:
    return f"{user.first_name} {user.last_name}".strip()


def _replied(message: wire.Message) -> wire.RepliedMessage | None:
    """What it replies to on purpose: messages in a topic name the topic's beginning all by themselves."""
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created is not None:
        return None
    return replied


def _address(message: wire.Message, replied: wire.RepliedMessage | None, me: BotAccount) -> Address:
    if message.chat.type == "private":
        return "direct"
    if _mentions(message, me):
        return "mention"
    return "reply" if replied and replied.author and replied.author.id == me.id else ""


def _mentions(message: wire.Message, me: BotAccount) -> bool:
    text = (message.text or message.caption).encode("utf-16-le", "surrogatepass")
    at = f"@{me.username}".casefold()
    for entity in (*message.entities, *message.caption_entities):
        part = text[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le", "replace")
        if entity.type == "mention" and part.casefold() == at:
            return True
        if entity.type == "bot_command" and part.casefold().endswith(at):
            return True
        if entity.type == "text_mention" and entity.user and entity.user.id == me.id:
            return True
    return False


def _text(message: wire.Message) -> str:
    """What it says, with a word for each thing that is not text, and a mark on somebody else's words."""
    shown = message.sticker or message.dice
    media = (shown.emoji or "[sticker]") if shown else ""
    media = media or next((word for kind, word in _MEDIA.items() if kind in (message.model_extra or {})), "")
    text = " ".join(filter(None, (media, message.text or message.caption)))
    borrowed = message.forward_origin is not None and not message.is_automatic_forward
    return f"[forwarded] {text}" if text and borrowed else text
