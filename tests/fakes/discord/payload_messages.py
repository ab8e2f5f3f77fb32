"""The world as JSON, in the shapes of Discord's API version 10: messages and webhooks."""

from tests.fakes.discord.payload import member_part, user
from tests.fakes.discord.world import Json, Message, User, Webhook


def webhook(one: Webhook, *, token: bool = True, creator: bool = True) -> Json:
    found: Json = {
        "id": str(one.id),
        "type": 1,
        "name": one.name,
        "avatar": one.avatar,
        "channel_id": str(one.channel.id),
        "guild_id": str(one.channel.guild.id) if one.channel.guild else None,
        "application_id": str(one.application) if one.application else None,
    }
    found |= {"token": one.token} if token else {}
    return found | ({"user": user(one.creator)} if creator else {})


def message(one: Message, viewer: User, *, deep: bool = True) -> Json:
    """A message as the REST API shows it to `viewer`; `deep` adds the message that it answers."""
    found: Json = {
        "id": str(one.id),
        "type": one.kind,
        "channel_id": str(one.channel.id),
        "author": user(one.author),
        "content": one.content,
        "timestamp": one.sent,
        "edited_timestamp": one.edited,
        "tts": one.tts,
        "pinned": False,
        "mention_everyone": one.mention_everyone,
        "mentions": [user(its) for its in one.mentions],
        "mention_roles": [str(its) for its in one.mention_roles],
        "attachments": one.attachments,
        "embeds": one.embeds,
        "components": one.components,
        "flags": one.flags,
    }
    ids = {"webhook_id": one.webhook, "application_id": one.application}
    found |= {name: str(value) for name, value in ids.items() if value is not None}
    extras = {"nonce": one.nonce, "interaction_metadata": one.interaction, "message_reference": one.reference}
    found |= {name: value for name, value in extras.items() if value is not None}
    found |= one.more
    if one.reactions:
        found["reactions"] = [_reaction(emoji, users, viewer) for emoji, users in one.reactions.items()]
    return found | _answered(one, viewer) if deep else found


def _answered(one: Message, viewer: User) -> Json:
    if one.reference is None:
        return {}
    if one.reply_to is None or one.reply_to.deleted:
        return {"referenced_message": None}
    return {"referenced_message": message(one.reply_to, viewer, deep=False)}


def _reaction(name: str, users: list[User], viewer: User) -> Json:
    return {
        "emoji": emoji(name),
        "count": len(users),
        "count_details": {"normal": len(users), "burst": 0},
        "burst_colors": [],
        "me": viewer in users,
        "me_burst": False,
    }


def emoji(name: str) -> Json:
    """`name` is a unicode emoji or `name:id`."""
    word, _, number = name.partition(":")
    return {"id": number or None, "name": word}


def event(one: Message, viewer: User) -> Json:
    """A message as the gateway tells it: with the guild and the members' own data."""
    found = message(one, viewer) | {"channel_type": one.channel.kind}
    guild = one.channel.guild
    if guild is None:
        return found
    found["guild_id"] = str(guild.id)
    if one.webhook is None and one.author.id in guild.members:
        found["member"] = member_part(guild.members[one.author.id])
    for mention, mentioned in zip(found["mentions"], one.mentions, strict=True):
        if mentioned.id in guild.members:
            mention["member"] = member_part(guild.members[mentioned.id])
    return found
