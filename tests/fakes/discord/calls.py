"""Interactions of people in a test: commands, completions, menus, buttons and forms."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from tests.fakes.discord import call_data, payload_messages
from tests.fakes.discord.interaction import COMMAND, COMPLETION, COMPONENT, FORM, Interaction
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.world import Channel, Json, Message, User

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
"""Command types."""


class Calls:
    """The part of the server's door through which tests use what the bot offers.

    The channel tells the kind of place: a guild with the bot, a chat with the bot, or a place where only the
    user installed it. `permissions` are the caller's as Discord states them; by default the true ones.
    """

    platform: Platform

    def interact(
        self,
        kind: int,
        channel: Channel,
        user: User,
        data: Json,
        *,
        permissions: int | None = None,
        source: Message | None = None,
        asked: Interaction | None = None,
    ) -> Interaction:
        """Send any interaction; `data` is its inner object."""
        platform, key = self.platform, self.platform.next_id()
        token = secrets.token_urlsafe(96)
        owners = call_data.owners(platform, channel, user)
        found = Interaction(key, token, kind, channel, user, data, platform.now(), owners, source, asked)
        platform.interactions[token] = found
        platform.emit("INTERACTION_CREATE", call_data.event(platform, found, permissions), channel)
        return found

    def slash(
        self, channel: Channel, user: User, path: str, *, permissions: int | None = None, **options: Any
    ) -> Interaction:
        """Type a command: `path` is its name, with those of its group and subcommand ("memory forget").

        Options are text, numbers, users, channels or roles. LookupError for a command that is not registered.
        """
        command, parts = self._command(channel, path, SLASH)
        data = call_data.command_data(command, parts, options, channel)
        return self.interact(COMMAND, channel, user, data, permissions=permissions)

    def complete(
        self,
        channel: Channel,
        user: User,
        path: str,
        focus: str,
        *,
        permissions: int | None = None,
        **options: Any,
    ) -> Interaction:
        """Be in the middle of typing the option `focus`."""
        command, parts = self._command(channel, path, SLASH)
        data = call_data.command_data(command, parts, options, channel, focus)
        return self.interact(COMPLETION, channel, user, data, permissions=permissions)

    def menu(
        self,
        channel: Channel,
        user: User,
        name: str,
        target: User | Message,
        *,
        permissions: int | None = None,
    ) -> Interaction:
        """Choose a command from the menu of a user or a message."""
        command, _ = self._command(channel, name, USER_MENU if isinstance(target, User) else MESSAGE_MENU)
        data = call_data.command_data(command, [], {}, channel) | {"target_id": str(target.id)}
        if isinstance(target, User):
            data["resolved"] = call_data.resolved([target], channel)
        else:
            data["resolved"] = {
                "messages": {str(target.id): payload_messages.message(target, self.platform.bot)}
            }
        return self.interact(COMMAND, channel, user, data, permissions=permissions)

    def press(
        self,
        message: Message,
        user: User,
        custom_id: str,
        values: Iterable[str] | None = None,
        *,
        permissions: int | None = None,
    ) -> Interaction:
        """Press a button, or with `values` choose in a list. What was removed can still be pressed."""
        component = call_data.component(message.components, custom_id)
        kind = 3 if values is not None else 2
        data: Json = {"custom_id": custom_id, "component_type": component.get("type", kind)}
        data |= {"values": list(values)} if values is not None else {}
        data["id"] = component.get("id", 1)
        return self.interact(COMPONENT, message.channel, user, data, permissions=permissions, source=message)

    def submit(
        self,
        asked: Interaction,
        values: Mapping[str, str],
        *,
        user: User | None = None,
        permissions: int | None = None,
    ) -> Interaction:
        """Fill in the form with which the bot answered an interaction."""
        modal = asked.modal
        assert modal is not None, "the bot has shown no form"
        data = {"custom_id": modal["custom_id"], "components": call_data.filled(modal["components"], values)}
        return self.interact(
            FORM,
            asked.channel,
            user or asked.user,
            data,
            permissions=permissions,
            source=asked.source,
            asked=asked,
        )

    def _command(self, channel: Channel, path: str, kind: int) -> tuple[Json, list[str]]:
        name, *parts = path.split(" ") if kind == SLASH else [path]
        scopes = [channel.guild.id if channel.guild else None, None]
        known = [one for scope in scopes for one in self.platform.commands.get(scope, [])]
        for command in known:
            if command["name"] == name and command["type"] == kind:
                return command, parts
        names = sorted(one["name"] for one in known)
        raise LookupError(f"the bot has not registered {path!r}, but {names}")
