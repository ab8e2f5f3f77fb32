"""The methods with which the bot changes what stands in a chat: edits, deletions, reactions."""

from copy import deepcopy

from tests.fakes.telegram.access import reachable
from tests.fakes.telegram.arguments import Arguments
from tests.fakes.telegram.chat import Message
from tests.fakes.telegram.events import Events
from tests.fakes.telegram.markup import finish, parse
from tests.fakes.telegram.refusal import Json, Refusal
from tests.fakes.telegram.text import LIMIT

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


def editable(world: Events, arguments: Arguments) -> Message:
    """The bot's own message that a call wants to change."""
    chat = reachable(world, arguments.chat(), arguments.values.get("business_connection_id"))
    message = chat.messages.get(arguments.number("message_id") or 0)
    if message is None or message.deleted:
        raise Refusal(400, "message to edit not found")
    if message not in world.sent(chat):
        raise Refusal(400, "message can't be edited")
    return message


def edit_message_text(world: Events, arguments: Arguments) -> Json | bool:
    if not arguments.text("text"):
        raise Refusal(400, "message text is empty")
    parsed = parse(arguments)
    if inline := arguments.text("inline_message_id"):
        return edit_guest_message(world, inline, *finish(*parsed, world.users, LIMIT, "MESSAGE_TOO_LONG"))
    message = editable(world, arguments)
    if "text" not in message.wire:
        raise Refusal(400, "there is no text in the message to edit")
    text, entities = finish(*parsed, world.users, LIMIT, "MESSAGE_TOO_LONG")
    changed: Json = {"text": text, "entities": entities}
    markup = arguments.data("reply_markup") or {}
    if same(message, changed | {"reply_markup": markup}):
        raise Refusal(400, NOT_MODIFIED)
    world.limits.spend(message.chat.id, crowd=message.chat.peer is None)
    world.rewrite(message, changed)
    return marked(message, markup)


def edit_message_reply_markup(world: Events, arguments: Arguments) -> Json:
    message = editable(world, arguments)
    markup = arguments.data("reply_markup") or {}
    if same(message, {"reply_markup": markup}):
        raise Refusal(400, NOT_MODIFIED)
    world.limits.spend(message.chat.id, crowd=message.chat.peer is None)
    world.rewrite(message, {})
    return marked(message, markup)


def same(message: Message, content: Json) -> bool:
    return all((message.wire.get(key) or None) == (value or None) for key, value in content.items())


def marked(message: Message, markup: Json) -> Json:
    """The message after a change: what is empty does not stand in its object."""
    message.wire["reply_markup"] = markup
    for key in ("reply_markup", "entities"):
        if not message.wire.get(key):
            message.wire.pop(key, None)
    return deepcopy(message.wire)


def edit_guest_message(world: Events, inline: str, text: str, entities: list[Json]) -> bool:
    result = world.guest_queries.get(inline.removeprefix("guest-"))
    if result is None:
        raise Refusal(400, "MESSAGE_ID_INVALID")
    result["input_message_content"] |= {"message_text": text, "entities": entities}
    return True


def delete_message(world: Events, arguments: Arguments) -> bool:
    chat = reachable(world, arguments.chat())
    message = chat.messages.get(arguments.number("message_id") or 0)
    if message is None or message.deleted:
        raise Refusal(400, "message to delete not found")
    delete(world, message)
    return True


def delete_messages(world: Events, arguments: Arguments) -> bool:
    """Ids that are not there are passed over."""
    chat = reachable(world, arguments.chat())
    wanted = [chat.messages.get(int(number)) for number in arguments.data("message_ids") or []]
    for message in wanted:
        if message and not message.deleted:
            delete(world, message)
    return True


def delete(world: Events, message: Message) -> None:
    chat = message.chat
    if (
        message not in world.sent(chat)
        and not chat.peer
        and not chat.member(world.bot).may("can_delete_messages")
    ):
        raise Refusal(400, "message can't be deleted for everyone")
    message.deleted = True


def set_message_reaction(world: Events, arguments: Arguments) -> bool:
    chat = reachable(world, arguments.chat())
    message = chat.messages.get(arguments.number("message_id") or 0)
    if message is None or message.deleted:
        raise Refusal(400, "message to react not found")
    message.reactions[world.bot.id] = arguments.data("reaction") or []
    return True


METHODS = {
    "editMessageText": edit_message_text,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "setMessageReaction": set_message_reaction,
}
