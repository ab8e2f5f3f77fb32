"""The list of commands at Discord: read, and replaced where it differs, with the commands that must stay."""

from collections.abc import Mapping, Sequence
from typing import Any

import discord

from bot.chat.commands.publication import PublicationError
from bot.errors import UserError
from bot.memory.store import Memory
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.command_menu import application_commands, payload_digest
from bot.platforms.discord.compat import fetch_commands, publish_commands
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.refusals import describe_publication_error

_ENTRY_POINT = 4  # the type of a command that launches an Activity; Discord makes one by itself
# what a command may have in the list that is sent (Discord's ApplicationCommandUpdateRequest)
_SENT_FIELDS = frozenset(
    "id type name name_localizations description description_localizations default_member_permissions"
    " integration_types contexts handler nsfw".split()
)


async def publish_where_changed(client: Gateway, calls: ApiCalls, memory: Memory, scope: str) -> None:
    """Publish the commands where they differ from those published before, or are gone from Discord.

    `scope` is that of the account's state in memory. Raises `PublicationError`.
    """
    await client.wait_until_ready()
    application = client.application_id
    assert application
    payload = application_commands()
    digest = payload_digest(payload)
    try:
        known = (await memory.platform_state(scope)).get("menu")
        present = await calls.make_call(fetch_commands(client, application))
        if known == digest and _names(payload) <= _names(present):
            return
        await calls.make_call(publish_commands(client, application, [*payload, *_entry_points(present)]))
        await memory.set_platform_state(scope, "menu", digest)
    except UserError as error:  # memory cannot be read or written now
        raise PublicationError(str(error)) from error
    except API_ERRORS as error:
        seconds = error.retry_after if isinstance(error, discord.RateLimited) else 0.0
        raise PublicationError(describe_publication_error(error), seconds) from error


def _names(commands: Sequence[Mapping[str, Any]]) -> set[tuple[int, str]]:
    return {(command.get("type", 1), command["name"]) for command in commands}


def _entry_points(present: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the commands that launch an Activity, as they are: Discord refuses a list without them."""
    return [
        {name: value for name, value in command.items() if name in _SENT_FIELDS and value is not None}
        for command in present
        if command.get("type") == _ENTRY_POINT
    ]
