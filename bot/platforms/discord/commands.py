"""Interactions on Discord: deferred at once, then run, then answered in one message."""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

import discord
from discord import app_commands

from bot.chat.chat import Chat
from bot.chat.commands import CommandCall, find_command, run_command
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.platforms.discord.api import API_ERRORS, ApiCalls, has_error_code
from bot.platforms.discord.channels import Channels
from bot.platforms.discord.command_menu import MESSAGE_MENU, autocomplete_values, format_answer
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.permissions import permission_level
from bot.platforms.discord.refusals import UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK, WRONG_WEBHOOK_TOKEN
from bot.platforms.discord.senders import NO_MENTIONS, AccountSender

log = logging.getLogger(__name__)

NOT_A_MEMBER = (
    "This works where I am a member: in a server that I was invited to, or in a direct chat with me."
)
STOPPING = "I am about to stop; ask again in a minute."
MAX_TASKS, MAX_OF_USER = 500, 20  # interactions that are answered at once, of all people and of one
_ATTEMPTS = 3
_EXPIRED = (UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK, WRONG_WEBHOOK_TOKEN)  # after 15 minutes


class DiscordCommandHandler:
    """Answers interactions, each in a task of its own."""

    def __init__(
        self, chat: Chat, memory: Memory, channels: Channels, calls: ApiCalls, owners: Collection[str]
    ) -> None:
        self._chat, self._memory = chat, memory
        self._channels, self._calls, self._owners = channels, calls, owners
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    def handle(self, interaction: discord.Interaction) -> None:
        """Start a task that answers an interaction; Discord tells people of one beyond the bounds."""
        user = str(interaction.user.id)
        of_user = sum(task.get_name() == user for task in self._tasks)
        if of_user >= MAX_OF_USER or len(self._tasks) >= MAX_TASKS:
            log.warning("command_queue_full", extra={"user": user, "running": of_user})
            return
        task = asyncio.create_task(self._answer(interaction), name=user)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop_intake(self) -> None:
        """Answer each further command with `STOPPING`."""
        self._is_stopping = True

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, interaction: discord.Interaction) -> None:
        try:
            if interaction.type is discord.InteractionType.autocomplete:
                await self._autocomplete(interaction)
            elif interaction.type is discord.InteractionType.application_command:
                await self._run_interaction(interaction)
        except discord.HTTPException as error:  # most often after Discord's deadline, or a second answer
            log.warning("command_unanswered", extra={"status": error.status, "code": error.code})
        except API_ERRORS as error:
            log.warning("command_unanswered", extra={"error": type(error).__name__})
        except Exception:
            log.exception("command_failed")

    async def _autocomplete(self, interaction: discord.Interaction) -> None:
        data: Any = interaction.data
        focused = next((option["name"] for option in data.get("options", ()) if option.get("focused")), None)
        values: dict[str, str] = {}
        if focused and self._place_of(interaction):
            values = autocomplete_values(
                self._chat, find_command(data["name"]), focused, _option_values(interaction)
            )
        choices = [app_commands.Choice(name=label, value=value) for label, value in values.items()]
        await self._calls.make_call(interaction.response.autocomplete(choices))

    async def _run_interaction(self, interaction: discord.Interaction) -> None:
        data: Any = interaction.data
        is_menu = data.get("type") == discord.AppCommandType.message.value
        name = MESSAGE_MENU.get(data["name"], "") if is_menu else data["name"]
        place, command = self._place_of(interaction), find_command(name)
        ephemeral = place is None or command is None or self._is_stopping or not command.public
        await self._calls.make_call(interaction.response.defer(ephemeral=ephemeral, thinking=True))
        if place is None or self._is_stopping:
            await self._respond(interaction, STOPPING if self._is_stopping else NOT_A_MEMBER)
            return
        call = CommandCall(
            self._chat,
            self._memory,
            place,
            Author(str(interaction.user.id), interaction.user.display_name),
            permission_level(interaction, self._owners),
            {} if is_menu else _option_values(interaction),
        )
        target = str(data.get("target_id", "")) if is_menu else ""
        text = await self._run_command(name, call, target)
        try:
            await self._respond(interaction, text)
        except discord.HTTPException as error:
            if error.code not in _EXPIRED or (ephemeral and place.server):
                raise
            await self._send_instead(interaction, place, text)

    async def _run_command(self, name: str, call: CommandCall, target: str) -> str:
        """Return a command's answer, or the reason of a failure; an empty text for no answer."""
        try:
            async with asyncio.timeout(self._calls.timings.command_timeout):
                if target:
                    await self._check_target(call.place, target)
                return await run_command(name, call)
        except UserError as error:
            return str(error)
        except TimeoutError:
            return "That takes too long; look again later."
        except Exception:
            log.exception("command_failed", extra={"command": name, "place": str(call.place)})
            return "Something went wrong here; the log says what."

    async def _check_target(self, place: Place, target: str) -> None:
        """Raise `UserError` unless the message of a menu is a part of the newest answer."""
        last = await self._memory.last_answer(place)
        chosen = await self._memory.find(place, target)
        if last is None or chosen is None or chosen.id != last.message.id:
            raise UserError("Only the newest answer here can be asked about: choose that message.")

    async def _send_instead(self, interaction: discord.Interaction, place: Place, text: str) -> None:
        """Send an answer that all people in the place may read as a message: the interaction has expired."""
        log.info("command_answered_late", extra={"place": str(place)})
        client = interaction.client
        if text and isinstance(client, Gateway):
            sender = AccountSender(client, self._calls, place, None)
            await sender.send(format_answer(text), None, None)

    async def _respond(self, interaction: discord.Interaction, text: str) -> None:
        """Edit the answer into the deferred response, or delete the response; a repetition does no harm."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                if text:
                    editing = interaction.edit_original_response(
                        content=format_answer(text), allowed_mentions=NO_MENTIONS
                    )
                    await self._calls.make_call(editing)
                else:
                    await self._calls.make_call(interaction.delete_original_response())
                return
            except (discord.Forbidden, discord.NotFound):
                raise
            except API_ERRORS as error:
                if attempt == _ATTEMPTS or has_error_code(error, *_EXPIRED):
                    raise
                await asyncio.sleep(self._calls.timings.retry_delay)

    def _place_of(self, interaction: discord.Interaction) -> Place | None:
        """Return the interaction's place; None where the bot is no member, and can neither read nor write."""
        channel = interaction.channel
        if channel is None:
            return None
        if interaction.guild_id is None:
            is_own = interaction.context.dm_channel and isinstance(channel, discord.DMChannel)
            return self._channels.place_of(channel.id, None) if is_own else None
        guild = interaction.client.get_guild(interaction.guild_id)
        if guild is None or not interaction.is_guild_integration():
            return None
        if isinstance(channel, discord.Thread):
            return self._channels.place_of(channel.parent_id, guild.id, channel.id)
        return self._channels.place_of(channel.id, guild.id)


def _option_values(interaction: discord.Interaction) -> dict[str, str]:
    """Return the values of a command's options by name, as typed so far."""
    data: Any = interaction.data
    return {option["name"]: str(option.get("value", "")) for option in data.get("options", ())}
