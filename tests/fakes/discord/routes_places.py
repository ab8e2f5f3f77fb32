"""The routes of channels, threads, guilds and members."""

from tests.fakes.discord import payload
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.refusal import Refusal, invalid
from tests.fakes.discord.request import Reply, Request
from tests.fakes.discord.world import PRIVATE_THREAD, PUBLIC_THREAD, Channel


def fetch(platform: Platform, request: Request) -> Reply:
    return Reply(200, payload.channel(platform.channel(request.number("channel_id"))))


def open_direct(platform: Platform, request: Request) -> Reply:
    user = platform.users.get(int(request.form.get("recipient_id") or 0))
    if user is None:
        raise Refusal(10013)
    if user is platform.bot:
        raise Refusal(50007)
    return Reply(200, payload.channel(platform.direct(platform.bot, user)))


def _thread(platform: Platform, channel: Channel, request: Request, kind: int, key: int) -> Reply:
    name = request.form.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 100:
        raise invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    if channel.guild is None or channel.is_thread:
        raise Refusal(50024)
    right = "create_private_threads" if kind == PRIVATE_THREAD else "create_public_threads"
    platform.need(channel, right)
    thread = Channel(key, kind, name, channel.guild, channel, owner=platform.bot)
    member = {"id": str(key), "user_id": str(platform.bot.id), "join_timestamp": thread.since, "flags": 0}
    return Reply(201, payload.channel(platform.open(thread)) | {"member": member})


def thread(platform: Platform, request: Request) -> Reply:
    """A thread without a message; Discord makes it private unless the type is given."""
    channel = platform.channel(request.number("channel_id"))
    kind = request.form.get("type", PRIVATE_THREAD)
    return _thread(platform, channel, request, kind, platform.next_id())


def thread_of_message(platform: Platform, request: Request) -> Reply:
    """A thread below a message has the message's id."""
    channel = platform.channel(request.number("channel_id"))
    message = platform.message(channel, request.number("message_id"))
    if message.id in platform.channels:
        raise Refusal(160004)
    return _thread(platform, channel, request, PUBLIC_THREAD, message.id)


def change(platform: Platform, request: Request) -> Reply:
    channel = platform.channel(request.number("channel_id"))
    if channel.guild is None:
        raise Refusal(50024)
    if channel.owner is not platform.bot:
        platform.need(channel, "manage_threads" if channel.is_thread else "manage_channels")
    for name in ("name", "topic", "archived", "locked"):
        if name in request.form:
            setattr(channel, name, request.form[name])
    found = payload.channel(channel)
    platform.emit("THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE", found, channel)
    return Reply(200, found)


def delete(platform: Platform, request: Request) -> Reply:
    channel = platform.channel(request.number("channel_id"))
    found = payload.channel(channel)
    if channel.guild is not None:
        platform.need(channel, "manage_threads" if channel.is_thread else "manage_channels")
        platform.close(channel)
    return Reply(200, found)


def join(platform: Platform, request: Request) -> Reply:
    if not platform.channel(request.number("channel_id")).is_thread:
        raise Refusal(50024)
    return Reply()


def guild(platform: Platform, request: Request) -> Reply:
    return Reply(200, payload.guild(platform.guild(request.number("guild_id"))))


def channels(platform: Platform, request: Request) -> Reply:
    found = platform.guild(request.number("guild_id")).channels.values()
    return Reply(200, [payload.channel(one) for one in found if not one.is_thread])


def active_threads(platform: Platform, request: Request) -> Reply:
    found = platform.guild(request.number("guild_id")).channels.values()
    threads = [one for one in found if one.is_thread and platform.may(platform.bot, one, "view_channel")]
    return Reply(
        200, {"threads": [payload.channel(one) for one in threads], "members": [], "has_more": False}
    )


def member(platform: Platform, request: Request) -> Reply:
    found = platform.guild(request.number("guild_id")).members.get(request.number("user_id"))
    if found is None:
        raise Refusal(10007)
    return Reply(200, payload.member(found))


def leave(platform: Platform, request: Request) -> Reply:
    found = platform.guild(request.number("guild_id"))
    del found.members[platform.bot.id]
    platform.emit("GUILD_DELETE", {"id": str(found.id)}, None)
    return Reply()


_CHANNEL = "/channels/{channel_id}"
ROUTES = {
    f"GET {_CHANNEL}": fetch,
    f"PATCH {_CHANNEL}": change,
    f"DELETE {_CHANNEL}": delete,
    f"POST {_CHANNEL}/threads": thread,
    f"POST {_CHANNEL}/messages/{{message_id}}/threads": thread_of_message,
    f"PUT {_CHANNEL}/thread-members/@me": join,
    "POST /users/@me/channels": open_direct,
    "GET /guilds/{guild_id}": guild,
    "GET /guilds/{guild_id}/channels": channels,
    "GET /guilds/{guild_id}/threads/active": active_threads,
    "GET /guilds/{guild_id}/members/{user_id}": member,
    "DELETE /users/@me/guilds/{guild_id}": leave,
}
