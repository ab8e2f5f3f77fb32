"""Access of the bot to chats, and to the messages in them."""

from tests.fakes.telegram.chat import ADMINISTRATORS, MEDIA, Chat, Message
from tests.fakes.telegram.refusal import Refusal
from tests.fakes.telegram.text import usernames
from tests.fakes.telegram.world import World


def chat_of(world: World, reference: str) -> Chat:
    """The chat of an id or, for a group or channel, of a @username."""
    for chat in world.chats.values():
        if reference == str(chat.id) or (chat.username and reference == f"@{chat.username}"):
            return chat
    raise Refusal(400, "chat not found" if reference else "chat_id is empty")


def reachable(world: World, reference: str, business: str | None = None) -> Chat:
    """The chat, if the bot may still reach it; `business`: the connection the call names."""
    chat = chat_of(world, reference)
    if chat.upgraded:
        reason = "group chat was upgraded to a supergroup chat"
        raise Refusal(400, reason, migrate_to_chat_id=chat.upgraded.id)
    member = chat.member(world.bot)
    if business:
        if not world.connections.get(business, (None, False))[1]:
            raise Refusal(400, "business connection not found")
    elif chat.peer:
        _check_private(chat, member.status == "kicked")
    elif not member.inside:
        gone = "bot was kicked from" if member.status == "kicked" else "bot is not a member of"
        raise Refusal(403, f"{gone} the {chat.type} chat")
    return chat


def _check_private(chat: Chat, blocked: bool) -> None:
    if blocked:
        raise Refusal(403, "bot was blocked by the user")
    if chat.peer and chat.peer.is_bot:
        raise Refusal(403, "bot can't send messages to bots")
    if not chat.started:
        raise Refusal(403, "bot can't initiate conversation with a user")


def writable(world: World, reference: str, business: str | None = None) -> Chat:
    """A reachable chat in which the bot may write."""
    chat = reachable(world, reference, business)
    member = chat.member(world.bot)
    if chat.type == "channel" and member.status not in ADMINISTRATORS:
        raise Refusal(400, "need administrator rights in the channel chat")
    if member.status == "restricted" and not member.may("can_send_messages"):
        raise Refusal(400, "not enough rights to send text messages to the chat")
    return chat


def check_thread(world: World, chat: Chat, thread: int | None) -> None:
    """Refuse a thread that is not there or closed; a message must not name "General", which is thread 1."""
    if thread is None:
        return
    if thread not in (chat.topics if chat.forum or chat.peer else chat.messages):
        raise Refusal(400, "message thread not found")
    if not chat.topics.get(thread, True) and not chat.member(world.bot).may("can_manage_topics"):
        raise Refusal(400, "TOPIC_CLOSED")


def hears(world: World, message: Message) -> bool:
    """Whether a message reaches the bot: first as a member, then by privacy mode."""
    chat, wire = message.chat, message.wire
    member = chat.member(world.bot)
    if chat.peer:
        return member.status != "kicked"
    service = not wire.keys() & {"text", *MEDIA}
    if chat.type == "channel" or not world.privacy or member.status in ADMINISTRATORS or service:
        return member.inside
    return member.inside and addressed(world, message)


def addressed(world: World, message: Message) -> bool:
    """Whether a message is a command, a reply to the bot, a mention of it, or was sent through it."""
    name, replied = world.name.lower(), message.wire.get("reply_to_message", {})
    if message.reply_to is not None and replied.get("from", {}).get("id") == world.bot.id:
        return True
    if name in usernames(message.text, message.entities) or message.wire.get("via_bot") == world.bot.wire():
        return True
    commands = [message.part(e) for e in message.entities if e["type"] == "bot_command" and e["offset"] == 0]
    return any("@" not in command or command.lower().endswith(f"@{name}") for command in commands)
