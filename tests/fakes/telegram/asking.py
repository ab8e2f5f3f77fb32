"""The methods with which the bot asks, answers and settles things: all that writes no message."""

from tests.fakes.telegram.access import reachable
from tests.fakes.telegram.arguments import Arguments
from tests.fakes.telegram.chat import ADMINISTRATORS
from tests.fakes.telegram.events import Events
from tests.fakes.telegram.refusal import Json, Refusal

TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
FILE_LIMIT = 20 * 2**20


async def get_updates(world: Events, arguments: Arguments) -> list[Json]:
    wanted = arguments.data("allowed_updates")
    if wanted is not None:
        world.updates.allowed = [str(kind) for kind in wanted]
    limit = arguments.number("limit")
    seconds = arguments.number("timeout") or 0
    return await world.updates.take(arguments.number("offset") or 0, 100 if limit is None else limit, seconds)


def get_me(world: Events, arguments: Arguments) -> Json:
    yes, no = (
        ("can_join_groups", "supports_guest_queries", "can_connect_to_business"),
        ("supports_inline_queries",),
    )
    more = {"can_read_all_group_messages": not world.privacy, "has_main_web_app": False}
    return world.bot.wire() | dict.fromkeys(yes, True) | dict.fromkeys(no, False) | more


def set_webhook(world: Events, arguments: Arguments) -> bool:
    world.updates.webhook = arguments.text("url")
    if arguments.flag("drop_pending_updates"):
        world.updates.forget()
    return True


def get_webhook_info(world: Events, arguments: Arguments) -> Json:
    known = {"url": world.updates.webhook, "has_custom_certificate": False}
    return {**known, "pending_update_count": len(world.updates.pending)}


def answer_callback_query(world: Events, arguments: Arguments) -> bool:
    press = world.presses.get(arguments.text("callback_query_id"))
    if press is None or press.expired or press.answer is not None:
        raise Refusal(400, TOO_OLD)
    if len(arguments.text("text")) > 200:
        raise Refusal(400, "MESSAGE_TOO_LONG")
    press.answer = arguments.record()
    return True


def answer_guest_query(world: Events, arguments: Arguments) -> Json:
    query = arguments.text("guest_query_id")
    if world.guest_queries.get(query, {}) is not None:
        raise Refusal(400, TOO_OLD)
    world.guest_queries[query] = arguments.data("result") or {}
    return {"inline_message_id": f"guest-{query}"}


def scope(arguments: Arguments) -> str:
    """Under which key commands are kept: their scope and language."""
    wanted = arguments.data("scope") or {"type": "default"}
    return "/".join(str(part) for part in (*wanted.values(), arguments.text("language_code")) if part)


def set_my_commands(world: Events, arguments: Arguments) -> bool:
    commands = arguments.data("commands") or []
    for command in commands:
        name, described = command["command"].removeprefix("/"), command["description"]
        if not (
            0 < len(name) <= 32
            and all(sign.isascii() and (sign.islower() or sign in "_0123456789") for sign in name)
        ):
            raise Refusal(400, "BOT_COMMAND_INVALID")
        if not 0 < len(described) <= 256:
            raise Refusal(400, "BOT_COMMAND_DESCRIPTION_INVALID")
    if len(commands) > 100:
        raise Refusal(400, "BOT_COMMANDS_TOO_MUCH")
    world.commands[scope(arguments)] = commands
    return True


def get_my_commands(world: Events, arguments: Arguments) -> list[Json]:
    return world.commands.get(scope(arguments), [])


def delete_my_commands(world: Events, arguments: Arguments) -> bool:
    world.commands.pop(scope(arguments), None)
    return True


def get_chat(world: Events, arguments: Arguments) -> Json:
    chat = reachable(world, arguments.chat())
    gifts = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    more = {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }
    return chat.wire() | more | ({"linked_chat_id": chat.linked.id} if chat.linked else {})


def get_chat_member(world: Events, arguments: Arguments) -> Json:
    chat = reachable(world, arguments.chat())
    user = world.users.get(arguments.number("user_id") or 0)
    if user is None:
        raise Refusal(400, "PARTICIPANT_ID_INVALID")
    return chat.member(user).wire()


def get_chat_administrators(world: Events, arguments: Arguments) -> list[Json]:
    """Other bots are left out, unless the call asks for them."""
    chat = reachable(world, arguments.chat())
    if chat.peer:
        raise Refusal(400, "there are no administrators in the private chat")
    members = [member for member in chat.members.values() if member.status in ADMINISTRATORS]
    others = arguments.flag("return_bots")
    return [m.wire() for m in members if others or not m.user.is_bot or m.user == world.bot]


def get_chat_member_count(world: Events, arguments: Arguments) -> int:
    chat = reachable(world, arguments.chat())
    return sum(member.inside for member in chat.members.values())


def get_file(world: Events, arguments: Arguments) -> Json:
    held = world.files.get(arguments.text("file_id"))
    if held is None:
        raise Refusal(400, "wrong file_id or the file is temporarily unavailable")
    if len(held.data) > FILE_LIMIT:
        raise Refusal(400, "file is too big")
    known = {"file_id": held.id, "file_unique_id": f"U{held.id}", "file_size": len(held.data)}
    return {**known, "file_path": held.path}


def leave_chat(world: Events, arguments: Arguments) -> bool:
    chat = reachable(world, arguments.chat())
    if chat.peer:
        raise Refusal(400, "chat member status can't be changed in private chats")
    world.change_member(chat, world.bot, "left")
    return True


def close(world: Events, arguments: Arguments) -> bool:
    return True


def log_out(world: Events, arguments: Arguments) -> bool:
    world.logged_out = True
    return True


METHODS = {
    "getUpdates": get_updates,
    "getMe": get_me,
    "setWebhook": set_webhook,
    "deleteWebhook": set_webhook,
    "getWebhookInfo": get_webhook_info,
    "answerCallbackQuery": answer_callback_query,
    "answerGuestQuery": answer_guest_query,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatAdministrators": get_chat_administrators,
    "getChatMemberCount": get_chat_member_count,
    "getFile": get_file,
    "leaveChat": leave_chat,
    "close": close,
    "logOut": log_out,
}
