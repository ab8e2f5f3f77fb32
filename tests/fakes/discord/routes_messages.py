"""The routes of messages, reactions and typing in channels."""

from tests.fakes.discord import payload_messages
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.refusal import Refusal, invalid
from tests.fakes.discord.request import Reply, Request
from tests.fakes.discord.world import Channel, Message


def _channel(platform: Platform, request: Request) -> Channel:
    return platform.channel(request.number("channel_id"))


def _message(platform: Platform, request: Request) -> Message:
    channel = _channel(platform, request)
    platform.need(channel, "read_message_history")
    return platform.message(channel, request.number("message_id"))


def create(platform: Platform, request: Request) -> Reply:
    channel, body = _channel(platform, request), request.form
    _may_write(platform, channel)
    message = Message(platform.next_id(), channel, platform.bot)
    reference = body.get("message_reference")
    if reference:
        _refer(platform, message, reference)
    if request.files:
        platform.need(channel, "attach_files")
    return Reply(200, payload_messages.message(platform.post(message, body, request.files), platform.bot))


def _may_write(platform: Platform, channel: Channel) -> None:
    if any(not user.accepts_dms for user in channel.recipients):
        raise Refusal(50007)
    platform.need(channel, "send_messages_in_threads" if channel.is_thread else "send_messages")
    if channel.archived and channel.locked:
        raise Refusal(50083)


def _refer(platform: Platform, message: Message, reference: dict[str, object]) -> None:
    found = message.channel.messages.get(int(str(reference["message_id"])))
    if found is None:
        if reference.get("fail_if_not_exists", True):
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return
    if not platform.may(platform.bot, message.channel, "read_message_history"):
        raise Refusal(160002)
    answer(message, found)


def answer(message: Message, found: Message) -> None:
    """Make `message` a reply to `found`."""
    channel = message.channel
    message.kind, message.reply_to = 19, found
    message.reference = {"type": 0, "channel_id": str(channel.id), "message_id": str(found.id)}
    message.reference |= {"guild_id": str(channel.guild.id)} if channel.guild else {}


def listing(platform: Platform, request: Request) -> Reply:
    """Newest first, as Discord answers; without the right to read history it is empty."""
    channel, limit = _channel(platform, request), request.asked_number("limit")
    limit = 50 if limit is None else limit
    if not 1 <= limit <= 100:
        raise invalid("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
    if not platform.may(platform.bot, channel, "read_message_history"):
        return Reply(200, [])
    found = _window(list(channel.messages.values()), request, limit)
    return Reply(200, [payload_messages.message(one, platform.bot) for one in reversed(found)])


def _window(messages: list[Message], request: Request, limit: int) -> list[Message]:
    after, around, before = (request.asked_number(name) for name in ("after", "around", "before"))
    if after is not None:
        return [one for one in messages if one.id > after][:limit]
    if around is not None:
        earlier = [one for one in messages if one.id < around][-(limit // 2 or len(messages)) :]
        return earlier + [one for one in messages if one.id >= around][: limit - len(earlier)]
    return [one for one in messages if before is None or one.id < before][-limit:]


def fetch(platform: Platform, request: Request) -> Reply:
    return Reply(200, payload_messages.message(_message(platform, request), platform.bot))


def edit(platform: Platform, request: Request) -> Reply:
    message = platform.message(_channel(platform, request), request.number("message_id"))
    if message.author is not platform.bot:
        raise Refusal(50005)
    return Reply(
        200, payload_messages.message(platform.rewrite(message, request.form, request.files), platform.bot)
    )


def delete(platform: Platform, request: Request) -> Reply:
    message = platform.message(_channel(platform, request), request.number("message_id"))
    if message.author is not platform.bot:
        if message.channel.guild is None:
            raise Refusal(50003)
        platform.need(message.channel, "manage_messages")
    platform.erase(message)
    return Reply()


def bulk_delete(platform: Platform, request: Request) -> Reply:
    channel = _channel(platform, request)
    if channel.guild is None:
        raise Refusal(50003)
    platform.need(channel, "manage_messages")
    keys = [int(one) for one in request.form.get("messages") or ()]
    if not 2 <= len(keys) <= 100:
        raise invalid("messages", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length.")
    platform.erase_many(channel, [channel.messages[key] for key in keys if key in channel.messages])
    return Reply()


def type_(platform: Platform, request: Request) -> Reply:
    channel = _channel(platform, request)
    _may_write(platform, channel)
    platform.type(channel, platform.bot)
    return Reply()


def react(platform: Platform, request: Request) -> Reply:
    message = _message(platform, request)
    emoji = request.parameters["emoji"]
    if emoji not in message.reactions:
        platform.need(message.channel, "add_reactions")
    platform.react(message, platform.bot, emoji)
    return Reply()


def unreact(platform: Platform, request: Request) -> Reply:
    platform.unreact(_message(platform, request), platform.bot, request.parameters["emoji"])
    return Reply()


def unreact_other(platform: Platform, request: Request) -> Reply:
    message = _message(platform, request)
    platform.need(message.channel, "manage_messages")
    user = platform.users.get(request.number("user_id"))
    if user is None:
        raise Refusal(10013)
    platform.unreact(message, user, request.parameters["emoji"])
    return Reply()


_ALL = "/channels/{channel_id}/messages"
_ONE = _ALL + "/{message_id}"
_REACTION = _ONE + "/reactions/{emoji}"
ROUTES = {
    f"POST {_ALL}": create,
    f"GET {_ALL}": listing,
    f"GET {_ONE}": fetch,
    f"PATCH {_ONE}": edit,
    f"DELETE {_ONE}": delete,
    f"POST {_ALL}/bulk-delete": bulk_delete,
    "POST /channels/{channel_id}/typing": type_,
    f"PUT {_REACTION}/@me": react,
    f"DELETE {_REACTION}/@me": unreact,
    f"DELETE {_REACTION}/{{user_id}}": unreact_other,
}
