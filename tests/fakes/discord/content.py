"""Content of messages: the checks of a request's body, and the message made of it."""

from typing import TYPE_CHECKING, Any

from tests.fakes.discord.pings import pings, texts
from tests.fakes.discord.refusal import Refusal, invalid
from tests.fakes.discord.request import File
from tests.fakes.discord.world import Json, Message, Version, timestamp

if TYPE_CHECKING:
    from tests.fakes.discord.platform import Platform

LIMIT = 2000
_KEPT = 4 | 4096 | 32768
"""Flags that a sender may set at any time: no embeds, silent, layout."""


def check(body: Json, files: list[File]) -> None:
    """Raise 50035 for a field that is too long or of a wrong kind."""
    content = body.get("content")
    if content is not None and not isinstance(content, str):
        raise invalid("content", "STRING_TYPE_CONVERT", "Could not interpret as string.")
    if content and len(content) > LIMIT:
        raise invalid("content", "BASE_TYPE_MAX_LENGTH", f"Must be {LIMIT} or fewer in length.")
    if len(body.get("embeds") or ()) > 10:
        raise invalid("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    if len(files) > 10:
        raise invalid("files", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    nonce = body.get("nonce")
    if isinstance(nonce, str) and len(nonce) > 25:
        raise invalid("nonce", "NONCE_TYPE_TOO_LONG", "Must be 25 or fewer in length.")
    allowed = body.get("allowed_mentions") or {}
    for name in ("users", "roles"):
        if allowed.get(name) and name in (allowed.get("parse") or ()):
            text = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            raise invalid("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", text)


def write(platform: "Platform", message: Message, body: Json, files: list[File]) -> None:
    """Put the checked body into the message, as a new version of it; 50006 if nothing is left to see."""
    check(body, files)
    if "content" in body:
        message.content = (body["content"] or "").strip()
    if "embeds" in body:
        message.embeds = [{"type": "rich", **embed} for embed in body["embeds"] or ()]
    if "components" in body:
        message.components = _numbered(body["components"] or (), [0])
    if "flags" in body:
        message.flags = message.flags & ~_KEPT | (body["flags"] or 0) & _KEPT
    if "attachments" in body or files:
        kept = {str(one.get("id")) for one in body.get("attachments") or ()}
        message.attachments = [one for one in message.attachments if one["id"] in kept]
        message.attachments += [platform.store(message.channel, file) for file in files]
    if not (message.content or message.embeds or message.attachments or message.components):
        raise Refusal(50006)
    _mention(platform, message, body.get("allowed_mentions"))


def _numbered(components: Any, count: list[int]) -> list[Json]:
    """Components with the ids and defaults that Discord adds."""
    found = []
    for part in components:
        count[0] += 1
        given = {name: value for name, value in part.items() if value is not None}
        one = {"id": count[0], **_defaults(given.get("type")), **given}
        if "components" in one:
            one["components"] = _numbered(one["components"], count)
        if isinstance(one.get("accessory"), dict):
            [one["accessory"]] = _numbered([one["accessory"]], count)
        found.append(one)
    return found


def _defaults(kind: int | None) -> Json:
    if kind in (3, 5, 6, 7, 8):
        return {"min_values": 1, "max_values": 1}
    if kind == 17:
        return {"accent_color": None, "spoiler": False}
    return {}


def _mention(platform: "Platform", message: Message, allowed: Json | None) -> None:
    replied = message.reply_to.author.id if message.reply_to and message.webhook is None else None
    if allowed is None and message.webhook is not None:
        allowed = {"parse": ["users"]}
    found = pings(texts(message.content, message.components), allowed, replied)
    guild = message.channel.guild
    may_broadcast = message.webhook is not None or platform.may(
        message.author, message.channel, "mention_everyone"
    )
    broadcasts = found.broadcasts if guild and may_broadcast else ()
    roles = guild.roles if guild else {}
    message.mention_roles = [
        one for one in found.roles if one in roles and (roles[one].mentionable or may_broadcast)
    ]
    message.mentions = [platform.users[one] for one in found.users if one in platform.users]
    message.mention_everyone = bool(broadcasts)
    mentions = {*broadcasts, *(user.mention for user in message.mentions)}
    mentions |= {f"<@&{one}>" for one in message.mention_roles}
    message.versions.append(Version(message.content, platform.now(), frozenset(mentions)))
    if len(message.versions) > 1:
        message.edited = timestamp()
