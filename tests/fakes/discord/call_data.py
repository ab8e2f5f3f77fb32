"""Interactions as JSON, as the gateway sends them."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.fakes.discord import payload, payload_messages
from tests.fakes.discord.interaction import Interaction
from tests.fakes.discord.permissions import ALL
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.world import Channel, Json, User


def owners(platform: Platform, channel: Channel, user: User) -> dict[str, str]:
    """The owners of the installation: the guild (0), or the user (1)."""
    if channel.guild and platform.bot.id in channel.guild.members:
        return {"0": str(channel.guild.id)}
    return {"0": "0"} if platform.bot in channel.recipients else {"1": str(user.id)}


def event(platform: Platform, one: Interaction, permissions: int | None) -> Json:
    channel, guild = one.channel, one.channel.guild
    bits = channel.permissions(one.user) if permissions is None else permissions
    mine = channel.permissions(platform.bot)
    place = payload.channel(channel) | ({"permissions": str(bits)} if guild else {})
    found: Json = {
        "id": str(one.id),
        "application_id": str(platform.bot.id),
        "type": one.kind,
        "data": one.data,
        "channel": place,
        "channel_id": str(channel.id),
        "token": one.token,
        "version": 1,
        "app_permissions": str(mine if guild else ALL),
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": one.owners,
        "context": 0 if guild else 1 if platform.bot in channel.recipients else 2,
        "attachment_size_limit": 10485760,
    }
    if one.source:
        found["message"] = payload_messages.message(one.source, platform.bot)
    if guild is None:
        return found | {"user": payload.user(one.user)}
    member = payload.member(guild.members[one.user.id]) | {"permissions": str(bits)}
    about = {"id": str(guild.id), "locale": "en-US", "features": []}
    return found | {"guild_id": str(guild.id), "guild": about, "guild_locale": "en-US", "member": member}


def command_data(
    command: Json, parts: list[str], options: Mapping[str, Any], channel: Channel, focus: str = ""
) -> Json:
    """The inner object of a command; subcommands nest its options."""
    known = command.get("options") or []
    layers = []
    for part in parts:
        one = next((one for one in known if one["name"] == part and one["type"] in (1, 2)), None)
        if one is None:
            raise LookupError(f"/{command['name']} has no {part!r}")
        layers.append(one)
        known = one.get("options") or []
    found = _options(known, options, focus)
    for one in reversed(layers):
        found = [{"type": one["type"], "name": one["name"], "options": found}]
    data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
    data |= {"guild_id": command["guild_id"]} if "guild_id" in command else {}
    data |= {"options": found} if found else {}
    things = resolved([value for value in options.values() if hasattr(value, "id")], channel)
    return data | ({"resolved": things} if things else {})


def _options(known: list[Json], options: Mapping[str, Any], focus: str) -> list[Json]:
    types = {one["name"]: one["type"] for one in known}
    unknown = options.keys() - types.keys()
    if unknown:
        raise LookupError(f"the command has no option {sorted(unknown)}, but {sorted(types)}")
    found = []
    for name, value in options.items():
        given = str(value.id) if hasattr(value, "id") else value
        one: Json = {"type": types[name], "name": name, "value": given}
        found.append(one | ({"focused": True} if name == focus else {}))
    return found


def resolved(things: Iterable[Any], channel: Channel) -> Json:
    found: Json = {}
    for one in things:
        if isinstance(one, User):
            found.setdefault("users", {})[str(one.id)] = payload.user(one)
            if channel.guild and one.id in channel.guild.members:
                member = payload.member_part(channel.guild.members[one.id])
                bits = str(channel.permissions(one))
                found.setdefault("members", {})[str(one.id)] = member | {"permissions": bits}
        elif isinstance(one, Channel):
            shown = payload.channel(one) | {"permissions": "0"}
            found.setdefault("channels", {})[str(one.id)] = shown
        else:
            found.setdefault("roles", {})[str(one.id)] = payload.role(one)
    return found


def component(components: Iterable[Json], custom_id: str) -> Json:
    for one in components:
        if one.get("custom_id") == custom_id:
            return one
        inner = [*one.get("components", ()), *([one["accessory"]] if "accessory" in one else ())]
        if found := component(inner, custom_id):
            return found
    return {}


def filled(components: Iterable[Json], values: Mapping[str, str]) -> list[Json]:
    """A form's components with what was typed; rows and labels keep their nesting."""
    found = []
    for number, one in enumerate(components, 1):
        kept: Json = {"type": one["type"], "id": one.get("id", number)}
        if "components" in one:
            kept["components"] = filled(one["components"], values)
        if "component" in one:
            [kept["component"]] = filled([one["component"]], values)
        if "custom_id" in one:
            typed = values.get(one["custom_id"], one.get("value") or "")
            kept |= {"custom_id": one["custom_id"]}
            kept |= {"value": typed} if one["type"] == 4 else {"values": [typed]}
        found.append(kept)
    return found
