"""Telegram's updates as events of the bot."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from bot.message import Address, Author, Message, Place, Quotation
from bot.platforms.telegram import wire
from bot.platforms.telegram.content import content_words, has_unread
from bot.platforms.telegram.events import (
    BotAccount,
    ButtonEvent,
    CommandEvent,
    CorrectedEvent,
    EditEvent,
    Event,
    IgnoredEvent,
    Invoker,
    MembershipEvent,
    MessageEvent,
    MigrationEvent,
    MistypedEvent,
    NoticeEvent,
    ReactionEvent,
)
from bot.platforms.telegram.quotations import (
    author_of,
    is_forwarded,
    quotations_of,
    replied_message,
    user_author,
)
from bot.platforms.telegram.spoken_text import spoken_text
from bot.platforms.telegram.typed_command import find_typed_command
from bot.text.visibility import is_visible

PLATFORM = "telegram"
ANONYMOUS, CHANNEL, LINKED = (
    1087968824,
    136817688,
    777000,
)  # Telegram's accounts for messages that a chat sends
_MAX_REACTIONS = 10  # of one person to one message
_LONGEST_MENTION = 80  # characters: a command of 32, an @, a username of 32


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
        return _edit(edited, account, is_post=parsed.edited_message is None)
    if query := parsed.callback_query:
        return _button(query)
    if change := parsed.my_chat_member:
        old, new = change.old_chat_member.status, change.new_chat_member.status
        return MembershipEvent(_place(change.chat.id, account), old, new, user_author(change.author))
    if parsed.message_reaction:
        return _reaction(parsed.message_reaction)
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
    if notice := _notice(message, account):
        return notice
    received = _to_message(message, account)
    texts = received.texts if is_forwarded(message) else (received.text,)
    return MessageEvent(received) if any(map(is_visible, texts)) else IgnoredEvent("no words")


def _command(message: wire.Message, account: BotAccount, is_post: bool) -> Event | None:
    """Return the event of a command to this bot; None for words to the persona, such as a caption."""
    typed = find_typed_command(message.text, account.username, is_private=message.chat.type == "private")
    if typed is None:
        return None
    if typed.is_foreign:
        is_mistyped = typed.may_be_mistyped and not is_post and _is_typed_by_author(message)
        mistyped = MistypedEvent(message.chat.id, str(message.message_id))
        return mistyped if is_mistyped else IgnoredEvent("another bot's command")
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
    author = author_of(message, Author(str(message.chat.id), message.chat.title))
    sender_chat = message.sender_chat.id if message.sender_chat else None
    return Invoker(message.author.id if message.author else 0, author.name, message.chat.id, sender_chat)


def _edit(message: wire.Message, account: BotAccount, *, is_post: bool) -> Event:
    """Return the event of an edit, which may correct a command."""
    if message.business_connection_id or message.guest_query_id:
        return IgnoredEvent("a guest's message")
    command = _command(message, account, is_post)
    if isinstance(command, CommandEvent) and command.is_known:
        return CorrectedEvent(command)
    edited = _to_message(message, account)
    return EditEvent(edited) if edited.text else IgnoredEvent("no words")


def _notice(message: wire.Message, account: BotAccount) -> NoticeEvent | None:
    """Return a pin or a join; None for any other message."""
    place, time = _place_of(message, account), float(message.date)
    if pinned := message.pinned_message:
        author = author_of(message, Author(str(message.chat.id), message.chat.title))
        id, source = str(message.message_id), str(pinned.message_id)
        words = Quotation("reply", author_of(pinned, Author("", "")), content_words(pinned.fields), source)
        notice = Message(place, id, author, "[pinned a message]", time, reply_to=source, quotations=(words,))
        return NoticeEvent((notice,), "pins")
    people = [user_author(user) for user in message.new_chat_members if not user.is_bot]
    joins = (Message(place, f"join:{message.message_id}:{who.id}", who, "[joined]", time) for who in people)
    return NoticeEvent(tuple(joins), "joins") if people else None


def _reaction(reaction: wire.Reaction) -> Event:
    if reaction.user:
        author = user_author(reaction.user)
    elif reaction.actor_chat:
        author = Author(str(reaction.actor_chat.id), reaction.actor_chat.title)
    else:
        return IgnoredEvent("a reaction of nobody")
    if author.is_bot:
        return IgnoredEvent("a bot's reaction")
    emoji = tuple(each.emoji or "a sticker" for each in reaction.new_reaction[:_MAX_REACTIONS])
    return ReactionEvent(reaction.chat.id, str(reaction.message_id), author, emoji, float(reaction.date))


def _button(query: wire.CallbackQuery) -> ButtonEvent:
    chat = query.message.chat.id if query.message else 0
    invoker = Invoker(query.author.id, user_author(query.author).name, chat)
    return ButtonEvent(query.id, invoker, str(query.message.message_id) if query.message else "", query.data)


def _to_message(message: wire.Message, account: BotAccount) -> Message:
    author, replied = (
        author_of(message, Author(str(message.chat.id), message.chat.title)),
        replied_message(message),
    )
    return Message(
        _place_of(message, account),
        str(message.message_id),
        replace(author, is_bot=author.is_bot and author.id not in account.proxies),
        "" if is_forwarded(message) else content_words(message.fields),
        float(message.date),
        address=_address(message, replied, account),
        reply_to=str(replied.message_id) if replied else None,
        quotations=tuple(quotations_of(message, account)),
        unread=has_unread(message.fields),
        spoken="" if is_forwarded(message) else spoken_text(message, account),
    )


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
