"""The routes of channel webhooks, and of the messages that go out under their names."""

import base64
import binascii
import hashlib
import re
import secrets

from tests.fakes.discord import payload_messages, routes_interactions
from tests.fakes.discord.platform import Platform, where
from tests.fakes.discord.refusal import Refusal, invalid
from tests.fakes.discord.request import File, Reply, Request
from tests.fakes.discord.world import TEXT, Channel, Json, Message, User, Webhook

MOST = 15
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,(.+)", re.DOTALL)
_SIGNATURES = {"png": b"\x89PNG", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8", "webp": b"RIFF"}


def _shown(platform: Platform, webhook: Webhook) -> Json:
    """Tokens of other applications' webhooks stay hidden."""
    return payload_messages.webhook(webhook, token=webhook.application in (None, platform.bot.id))


def check_name(name: object, field: str = "name") -> str:
    """https://docs.discord.com/developers/resources/webhook: 1 to 80 characters, two words are forbidden."""
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 80:
        raise invalid(field, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 80 in length.")
    for word in ("clyde", "discord"):
        if word in name.casefold():
            text = f'{field.capitalize()} cannot contain "{word}"'
            raise invalid(field, "USERNAME_INVALID_CONTAINS", text)
    return name.strip()


def _avatar(platform: Platform, key: int, image: object) -> str | None:
    """Keep an uploaded picture for the CDN; its hash."""
    if image is None:
        return None
    match = _IMAGE.fullmatch(str(image))
    try:
        data = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        data = b""
    if not match or not data.startswith(_SIGNATURES[match[1]]):
        raise invalid("avatar", "IMAGE_INVALID", "Invalid image data")
    name = hashlib.md5(data).hexdigest()
    platform.files[f"avatars/{key}/{name}.png"] = File(f"{name}.png", data, f"image/{match[1]}")
    return name


def _managed(platform: Platform, request: Request) -> Channel:
    channel = platform.channel(request.number("channel_id"))
    if channel.kind != TEXT:
        raise Refusal(50024)
    platform.need(channel, "manage_webhooks")
    return channel


def create(platform: Platform, request: Request) -> Reply:
    channel = _managed(platform, request)
    name = check_name(request.form.get("name"))
    if sum(one.channel is channel for one in platform.webhooks.values()) >= MOST:
        raise Refusal(30007)
    key = platform.next_id()
    avatar = _avatar(platform, key, request.form.get("avatar"))
    webhook = Webhook(key, secrets.token_urlsafe(51), channel, name, platform.bot, avatar, platform.bot.id)
    platform.webhooks[key] = webhook
    platform.emit("WEBHOOKS_UPDATE", where(channel), channel)
    return Reply(200, _shown(platform, webhook))


def of_channel(platform: Platform, request: Request) -> Reply:
    channel = _managed(platform, request)
    found = [one for one in platform.webhooks.values() if one.channel is channel]
    return Reply(200, [_shown(platform, one) for one in found])


def of_guild(platform: Platform, request: Request) -> Reply:
    guild = platform.guild(request.number("guild_id"))
    found = [one for one in platform.webhooks.values() if one.channel.guild is guild]
    for channel in guild.channels.values():
        platform.need(channel, "manage_webhooks")
    return Reply(200, [_shown(platform, one) for one in found])


def _by_bot(platform: Platform, request: Request) -> Webhook:
    webhook = platform.webhooks.get(request.number("webhook_id"))
    if webhook is None:
        raise Refusal(10015)
    platform.need(webhook.channel, "manage_webhooks")
    return webhook


def by_token(platform: Platform, request: Request) -> Webhook:
    webhook = platform.webhooks.get(request.number("webhook_id"))
    if webhook is None:
        raise Refusal(10015)
    if webhook.token != request.parameters["webhook_token"]:
        raise Refusal(50027)
    return webhook


def fetch(platform: Platform, request: Request) -> Reply:
    return Reply(200, _shown(platform, _by_bot(platform, request)))


def fetch_by_token(platform: Platform, request: Request) -> Reply:
    return Reply(200, payload_messages.webhook(by_token(platform, request), creator=False))


def _change(platform: Platform, webhook: Webhook, request: Request) -> None:
    if "name" in request.form:
        webhook.name = check_name(request.form["name"])
    if "avatar" in request.form:
        webhook.avatar = _avatar(platform, webhook.id, request.form["avatar"])
    platform.emit("WEBHOOKS_UPDATE", where(webhook.channel), webhook.channel)


def change(platform: Platform, request: Request) -> Reply:
    webhook = _by_bot(platform, request)
    if request.form.get("channel_id"):
        target = platform.channel(int(request.form["channel_id"]))
        platform.need(target, "manage_webhooks")
        webhook.channel = target
    _change(platform, webhook, request)
    return Reply(200, _shown(platform, webhook))


def change_by_token(platform: Platform, request: Request) -> Reply:
    webhook = by_token(platform, request)
    _change(platform, webhook, request)
    return Reply(200, payload_messages.webhook(webhook, creator=False))


def delete(platform: Platform, request: Request) -> Reply:
    platform.drop(_by_bot(platform, request))
    return Reply()


def delete_by_token(platform: Platform, request: Request) -> Reply:
    platform.drop(by_token(platform, request))
    return Reply()


def _target(platform: Platform, webhook: Webhook, request: Request) -> Channel:
    key = request.asked_number("thread_id")
    if key is None:
        return webhook.channel
    thread = platform.channels.get(key)
    if thread is None or thread.parent is not webhook.channel:
        raise Refusal(10003)
    if thread.archived and thread.locked:
        raise Refusal(50083)
    return thread


def execute(platform: Platform, request: Request) -> Reply:
    """Speak as the webhook, or follow up on an interaction, whose webhook is the application's."""
    if request.number("webhook_id") == platform.bot.id:
        return routes_interactions.follow_up(platform, request)
    webhook, body = by_token(platform, request), request.form
    if body.get("thread_name"):
        raise Refusal(220003)
    name = check_name(body["username"], "username") if body.get("username") else webhook.name
    url = body.get("avatar_url")
    if url and not url.startswith(("http://", "https://")):
        raise invalid("avatar_url", "URL_TYPE_INVALID_SCHEME", "Not a well formed URL.")
    avatar = hashlib.md5(url.encode()).hexdigest() if url else webhook.avatar
    author = User(webhook.id, name, bot=True, avatar=avatar, avatar_url=url, discriminator="0000")
    message = Message(platform.next_id(), _target(platform, webhook, request), author)
    message.webhook, message.application = webhook.id, webhook.application
    body = {name: value for name, value in body.items() if name not in ("nonce", "enforce_nonce")}
    platform.post(message, body, request.files)
    return Reply(200, payload_messages.message(message, platform.bot)) if request.asks("wait") else Reply()


def _spoken(platform: Platform, request: Request) -> Message:
    """A message of this webhook, in the channel or in the thread that the query names."""
    webhook = by_token(platform, request)
    message = platform.message(_target(platform, webhook, request), request.number("message_id"))
    if message.webhook != webhook.id:
        raise Refusal(10008)
    return message


def fetch_message(platform: Platform, request: Request) -> Reply:
    if request.number("webhook_id") == platform.bot.id:
        return routes_interactions.fetch(platform, request)
    return Reply(200, payload_messages.message(_spoken(platform, request), platform.bot))


def edit_message(platform: Platform, request: Request) -> Reply:
    if request.number("webhook_id") == platform.bot.id:
        return routes_interactions.edit(platform, request)
    message = platform.rewrite(_spoken(platform, request), request.form, request.files)
    return Reply(200, payload_messages.message(message, platform.bot))


def delete_message(platform: Platform, request: Request) -> Reply:
    if request.number("webhook_id") == platform.bot.id:
        return routes_interactions.delete(platform, request)
    platform.erase(_spoken(platform, request))
    return Reply()


_OWN, _TOKEN = "/webhooks/{webhook_id}", "/webhooks/{webhook_id}/{webhook_token}"
_MESSAGE = _TOKEN + "/messages/{message_id}"
ROUTES = {
    "POST /channels/{channel_id}/webhooks": create,
    "GET /channels/{channel_id}/webhooks": of_channel,
    "GET /guilds/{guild_id}/webhooks": of_guild,
    f"GET {_OWN}": fetch,
    f"PATCH {_OWN}": change,
    f"DELETE {_OWN}": delete,
    f"GET {_TOKEN}": fetch_by_token,
    f"PATCH {_TOKEN}": change_by_token,
    f"DELETE {_TOKEN}": delete_by_token,
    f"POST {_TOKEN}": execute,
    f"GET {_MESSAGE}": fetch_message,
    f"PATCH {_MESSAGE}": edit_message,
    f"DELETE {_MESSAGE}": delete_message,
}
