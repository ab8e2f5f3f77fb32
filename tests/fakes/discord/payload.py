"""The world as JSON, in the shapes of Discord's API version 10: people and places."""

from collections.abc import Iterable

from tests.fakes.discord.world import Channel, Guild, Json, Member, Role, User


def user(one: User) -> Json:
    return {
        "id": str(one.id),
        "username": one.name,
        "global_name": one.global_name,
        "discriminator": one.discriminator,
        "avatar": one.avatar,
        "bot": one.bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
        "avatar_decoration_data": None,
        "collectibles": None,
    }


def own_user(one: User) -> Json:
    """Return the bot's own user object."""
    return user(one) | {"mfa_enabled": False, "locale": "en-US", "verified": True, "email": None}


def member(one: Member) -> Json:
    return {"user": user(one.user)} | member_part(one)


def member_part(one: Member) -> Json:
    """A member without its user, as messages carry it."""
    return {
        "roles": [str(role.id) for role in one.roles],
        "nick": one.nick,
        "avatar": None,
        "banner": None,
        "joined_at": one.joined_at,
        "premium_since": None,
        "communication_disabled_until": None,
        "flags": 0,
        "pending": False,
        "deaf": False,
        "mute": False,
    }


def role(one: Role) -> Json:
    return {
        "id": str(one.id),
        "name": one.name,
        "permissions": str(one.permissions),
        "position": one.position,
        "mentionable": one.mentionable,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def channel(one: Channel) -> Json:
    if one.guild is None:
        return _direct(one)
    return _thread(one, one.guild) if one.is_thread else _text(one, one.guild)


def _last(one: Channel) -> str | None:
    return str(next(reversed(one.messages))) if one.messages else None


def _direct(one: Channel) -> Json:
    recipients = [user(other) for other in one.recipients if not other.bot]
    found: Json = {"id": str(one.id), "type": one.kind, "flags": 0, "recipients": recipients}
    return found | {"last_message_id": _last(one)}


def _text(one: Channel, guild: Guild) -> Json:
    overwrites = [
        {"id": str(key), "type": its.kind, "allow": str(its.allow), "deny": str(its.deny)}
        for key, its in one.overwrites.items()
    ]
    return {
        "id": str(one.id),
        "type": one.kind,
        "guild_id": str(guild.id),
        "name": one.name,
        "position": list(guild.channels).index(one.id) if one.id in guild.channels else 0,
        "flags": 0,
        "topic": one.topic,
        "nsfw": False,
        "parent_id": None,
        "last_message_id": _last(one),
        "rate_limit_per_user": 0,
        "permission_overwrites": overwrites,
    }


def _thread(one: Channel, guild: Guild) -> Json:
    metadata = {
        "archived": one.archived,
        "locked": one.locked,
        "archive_timestamp": one.since,
        "create_timestamp": one.since,
        "auto_archive_duration": 1440,
    }
    return {
        "id": str(one.id),
        "type": one.kind,
        "guild_id": str(guild.id),
        "parent_id": str(one.parent.id) if one.parent else None,
        "name": one.name,
        "flags": 0,
        "owner_id": str(one.owner.id) if one.owner else str(guild.owner.id),
        "last_message_id": _last(one),
        "rate_limit_per_user": 0,
        "message_count": len(one.messages),
        "total_message_sent": len(one.messages),
        "member_count": 1,
        "thread_metadata": metadata,
    }


def guild(one: Guild) -> Json:
    """A guild as `GET /guilds/{id}` shows it."""
    nothing = (
        "icon description home_header splash discovery_splash banner afk_channel_id system_channel_id"
        " application_id widget_channel_id max_presences vanity_url_code rules_channel_id"
        " safety_alerts_channel_id public_updates_channel_id incidents_data"
    )
    zeros = (
        "system_channel_flags verification_level default_message_notifications mfa_level"
        " explicit_content_filter premium_tier premium_subscription_count nsfw_level"
    )
    return {
        "id": str(one.id),
        "name": one.name,
        "owner_id": str(one.owner.id),
        "roles": [role(its) for its in one.roles.values()],
        "features": [],
        "emojis": [],
        "stickers": [],
        "region": "us-west",
        "afk_timeout": 300,
        "widget_enabled": False,
        "max_members": 250000,
        "max_stage_video_channel_users": 0,
        "max_video_channel_users": 0,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        **dict.fromkeys(nothing.split()),
        **dict.fromkeys(zeros.split(), 0),
    }


def arrival(one: Guild, me: Member, members: Iterable[Member], channels: Iterable[Channel]) -> Json:
    """GUILD_CREATE: the guild with everything in it that the bot may see."""
    seen = [channel(its) for its in channels]
    empty = "voice_states presences stage_instances guild_scheduled_events soundboard_sounds"
    return guild(one) | {
        "joined_at": me.joined_at,
        "large": False,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(its) for its in members],
        "channels": [its for its in seen if "thread_metadata" not in its],
        "threads": [its for its in seen if "thread_metadata" in its],
        **{name: [] for name in empty.split()},
    }


def application(me: User, owner: User) -> Json:
    """The application as its owner sees it; its id is the bot's, as with new applications."""
    zeros = (
        "approximate_guild_count approximate_user_install_count approximate_user_authorization_count flags"
    )
    nothing = "icon type team interactions_endpoint_url role_connections_verification_url"
    return {
        "id": str(me.id),
        "name": me.name,
        "description": "",
        "verify_key": "0" * 64,
        "bot": user(me),
        "owner": user(owner),
        "bot_public": True,
        "bot_require_code_grant": False,
        "flags_new": "0",
        "redirect_uris": [],
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
        **dict.fromkeys(zeros.split(), 0),
        **dict.fromkeys(nothing.split()),
    }
