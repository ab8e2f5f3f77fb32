"""The methods with which the bot writes: messages, files, and the topics they stand in."""

from copy import deepcopy

from tests.fakes.telegram.access import check_thread, reachable, writable
from tests.fakes.telegram.arguments import Arguments
from tests.fakes.telegram.chat import ADMINISTRATORS, Chat, Message
from tests.fakes.telegram.events import ICON_COLOR, Events, place
from tests.fakes.telegram.markup import finish, parse
from tests.fakes.telegram.refusal import Json, Refusal
from tests.fakes.telegram.text import CAPTION_LIMIT, LIMIT


def send_message(world: Events, arguments: Arguments) -> Json:
    if not arguments.text("text"):
        raise Refusal(400, "message text is empty")
    parsed = parse(arguments)
    chat = writable(world, arguments.chat(), arguments.values.get("business_connection_id"))
    text, entities = finish(*parsed, world.users, LIMIT, "message is too long")
    return send(world, arguments, chat, {"text": text, **({"entities": entities} if entities else {})})


def send_document(world: Events, arguments: Arguments) -> Json:
    chat, caption = captioned(world, arguments)
    held, name = stored(world, arguments, "document", "documents")
    shown = {"file_id": held, "file_unique_id": f"U{held}", "file_name": name}
    return send(world, arguments, chat, {"document": shown, **caption})


def send_photo(world: Events, arguments: Arguments) -> Json:
    chat, caption = captioned(world, arguments)
    held, _ = stored(world, arguments, "photo", "photos")
    size = {"file_id": held, "file_unique_id": f"U{held}", "width": 90, "height": 90}
    return send(world, arguments, chat, {"photo": [size], **caption})


def captioned(world: Events, arguments: Arguments) -> tuple[Chat, Json]:
    parsed = parse(arguments, "caption", "caption_entities")
    chat = writable(world, arguments.chat(), arguments.values.get("business_connection_id"))
    if not arguments.text("caption"):
        return chat, {}
    text, entities = finish(*parsed, world.users, CAPTION_LIMIT, "message caption is too long")
    return chat, {"caption": text, **({"caption_entities": entities} if entities else {})}


def stored(world: Events, arguments: Arguments, name: str, folder: str) -> tuple[str, str]:
    """The file id and name of a parameter: an upload, or the id of a file that is known."""
    reference = arguments.text(name)
    upload = arguments.files.get(reference.removeprefix("attach://") or name)
    if upload:
        return world.add_file(upload[1], upload[0], folder).id, upload[0]
    if reference not in world.files:
        known = "wrong remote file identifier specified: can't unserialize it. Wrong last symbol"
        raise Refusal(400, known if reference else f"there is no {name} in the request")
    return reference, world.files[reference].path.rpartition("/")[2]


def send(world: Events, arguments: Arguments, chat: Chat, content: Json) -> Json:
    """Put what has been parsed into the chat, if thread, reply and limits allow it."""
    thread = arguments.number("message_thread_id")
    check_thread(world, chat, thread)
    replied = reply(chat, arguments)
    world.limits.spend(chat.id, crowd=chat.peer is None)
    shown = sender(world, arguments, chat) | place(chat, thread, replied) | content
    markup = arguments.data("reply_markup")
    shown |= {"reply_markup": markup} if markup and "inline_keyboard" in markup else {}
    message = world.add_message(chat, shown)
    message.call = arguments.record()
    world.record_sent(message)
    return deepcopy(message.wire)


def sender(world: Events, arguments: Arguments, chat: Chat) -> Json:
    """Return the sender fields: the bot, its channel, or the business account that the bot serves."""
    if connection := arguments.text("business_connection_id"):
        owner = world.connections[connection][0].wire()
        return {"from": owner, "sender_business_bot": world.bot.wire(), "business_connection_id": connection}
    return {"sender_chat": chat.wire()} if chat.type == "channel" else {"from": world.bot.wire()}


def reply(chat: Chat, arguments: Arguments) -> Message | None:
    """The message replied to; refused when it is gone, unless the call allows that."""
    wanted = arguments.data("reply_parameters")
    if not wanted:
        return None
    found = chat.messages.get(int(wanted["message_id"]))
    if found and not found.deleted:
        return found
    if wanted.get("allow_sending_without_reply"):
        return None
    raise Refusal(400, "message to be replied not found")


def create_forum_topic(world: Events, arguments: Arguments) -> Json:
    chat = reachable(world, arguments.chat())
    if not chat.forum:
        raise Refusal(400, "the chat is not a forum")
    member = chat.member(world.bot)
    if member.status not in ADMINISTRATORS or not member.may("can_manage_topics"):
        raise Refusal(400, "not enough rights to create a topic")
    name = arguments.text("name")
    return {"message_thread_id": world.topic(chat, name), "name": name, "icon_color": ICON_COLOR}


METHODS = {
    "sendMessage": send_message,
    "sendDocument": send_document,
    "sendPhoto": send_photo,
    "createForumTopic": create_forum_topic,
}
