"""The routes about the bot itself: its user, its application, its commands and the gateway's address."""

import re

from tests.fakes.discord import payload
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.refusal import Refusal, invalid
from tests.fakes.discord.request import Reply, Request
from tests.fakes.discord.world import Json

ENTRY_POINT = 4
_NAME = re.compile(r"[-_'\w]{1,32}")


def me(platform: Platform, request: Request) -> Reply:
    return Reply(200, payload.own_user(platform.bot))


def user(platform: Platform, request: Request) -> Reply:
    found = platform.users.get(request.number("user_id"))
    if found is None:
        raise Refusal(10013)
    return Reply(200, payload.user(found))


def application(platform: Platform, request: Request) -> Reply:
    return Reply(200, payload.application(platform.bot, platform.owner))


def gateway(platform: Platform, request: Request) -> Reply:
    limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
    return Reply(200, {"url": platform.gateway, "shards": 1, "session_start_limit": limit})


def _scope(platform: Platform, request: Request) -> int | None:
    if request.number("application_id") != platform.bot.id:
        raise Refusal(50001)
    return platform.guild(request.number("guild_id")).id if "guild_id" in request.parameters else None


def commands(platform: Platform, request: Request) -> Reply:
    return Reply(200, platform.commands.get(_scope(platform, request), []))


def put_commands(platform: Platform, request: Request) -> Reply:
    """Replace all commands of a scope; a command that keeps its name and type keeps its id.

    The command that launches an Activity can be deleted by itself alone.
    """
    scope = _scope(platform, request)
    if not isinstance(request.body, list):
        raise Refusal(50109)
    kinds = {one.get("type", 1) for one in request.body}
    if ENTRY_POINT not in kinds and any(
        one["type"] == ENTRY_POINT for one in platform.commands.get(scope, ())
    ):
        raise Refusal(50240)
    ids = {(one["name"], one["type"]): one["id"] for one in platform.commands.get(scope, [])}
    found = [_command(platform, one, scope, ids) for one in request.body]
    if len({(one["name"], one["type"]) for one in found}) < len(found):
        raise Refusal(50035, message="Invalid Form Body")
    platform.commands[scope] = found
    return Reply(200, found)


def add_command(platform: Platform, request: Request) -> Reply:
    scope = _scope(platform, request)
    known = platform.commands.setdefault(scope, [])
    ids = {(one["name"], one["type"]): one["id"] for one in known}
    added = _command(platform, request.form, scope, ids)
    is_new = (added["name"], added["type"]) not in ids
    known[:] = [one for one in known if one["id"] != added["id"]] + [added]
    return Reply(201 if is_new else 200, added)


def delete_command(platform: Platform, request: Request) -> Reply:
    known = platform.commands.get(_scope(platform, request), [])
    kept = [one for one in known if one["id"] != request.parameters["command_id"]]
    if len(kept) == len(known):
        raise Refusal(10063)
    known[:] = kept
    return Reply()


def _command(platform: Platform, body: Json, scope: int | None, ids: dict[tuple[str, int], str]) -> Json:
    name, kind = body.get("name", ""), body.get("type", 1)
    if kind == 1 and (not _NAME.fullmatch(name) or name != name.lower()):
        raise invalid("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    if kind == 1 and not body.get("description"):
        raise invalid("description", "BASE_TYPE_REQUIRED", "This field is required")
    permissions = body.get("default_member_permissions")
    return {
        "integration_types": [0],
        "contexts": None,
        **{field: value for field, value in body.items() if value is not None},
        "id": ids.get((name, kind)) or str(platform.next_id()),
        "application_id": str(platform.bot.id),
        "version": str(platform.next_id()),
        "type": kind,
        "description": body.get("description") or "",
        "default_member_permissions": None if permissions is None else str(permissions),
        **({"guild_id": str(scope)} if scope else {}),
    }


_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"
ROUTES = {
    "GET /users/@me": me,
    "GET /users/{user_id}": user,
    "GET /oauth2/applications/@me": application,
    "GET /applications/@me": application,
    "GET /gateway/bot": gateway,
    f"GET {_GLOBAL}": commands,
    f"PUT {_GLOBAL}": put_commands,
    f"POST {_GLOBAL}": add_command,
    f"DELETE {_GLOBAL}/{{command_id}}": delete_command,
    f"GET {_GUILD}": commands,
    f"PUT {_GUILD}": put_commands,
    f"POST {_GUILD}": add_command,
    f"DELETE {_GUILD}/{{command_id}}": delete_command,
}
