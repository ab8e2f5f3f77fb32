"""Commands asked for on Discord: promised an answer at once, then done, then answered in one message."""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

import discord
from discord import app_commands

from bot.chat.chat import Chat
from bot.chat.commands import CommandCall, run_command
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.discord.api import FAILURES, ApiCalls
from bot.platforms.discord.channels import Channels
from bot.platforms.discord.command_menu import MESSAGE_MENU, find, fitting, proposals
from bot.platforms.discord.permissions import level
from bot.platforms.discord.senders import NOBODY

log = logging.getLogger(__name__)

AWAY = "This works where I am a member: in a server that I was invited to, or in a direct chat with me."
STOPPING = "I am about to stop; ask again in a minute."
_TRIES = 3


class CommandHandler:
    """Answers interactions, each in a task of its own."""

    def __init__(
        self, chat: Chat, memory: Memory, places: Channels, calls: ApiCalls, owners: Collection[str]
    ) -> None:
        self._chat, self._memory = chat, memory
        self._places, self._calls, self._owners = places, calls, owners
        self._tasks: set[asyncio.Task[None]] = set()
        self._hushed = False

    def take(self, interaction: discord.Interaction) -> None:
        """Answer an interaction soon."""
        task = asyncio.create_task(self._answer(interaction))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop_intake(self) -> None:
        """Do nothing more for anybody."""
        self._hushed = True

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, interaction: discord.Interaction) -> None:
        try:
            if interaction.type is discord.InteractionType.autocomplete:
                await self._complete(interaction)
            elif interaction.type is discord.InteractionType.application_command:
                await self._command(interaction)
        except FAILURES as error:  # above all: too late for Discord, or answered before
            log.warning("a command is not answered", extra={"error": type(error).__name__})
        except Exception:
            log.exception("a command failed")

    async def _complete(self, interaction: discord.Interaction) -> None:
        data: Any = interaction.data
        focused = next((option for option in data.get("options", ()) if option.get("focused")), None)
        values: list[str] = []
        if focused and self._place(interaction):
            typed = str(focused.get("value", ""))
            values = proposals(self._chat, find(data["name"]), focused["name"], typed)
        choices = [app_commands.Choice(name=value, value=value) for value in values]
        await self._calls.make(interaction.response.autocomplete(choices))

    async def _command(self, interaction: discord.Interaction) -> None:
        data: Any = interaction.data
        is_menu = data.get("type") == discord.AppCommandType.message.value
        name = MESSAGE_MENU.get(data["name"], "") if is_menu else data["name"]
        place, command = self._place(interaction), find(name)
        ephemeral = place is None or command is None or self._hushed or not command.public
        await self._calls.make(interaction.response.defer(ephemeral=ephemeral, thinking=True))
        if place is None or self._hushed:
            await self._finish(interaction, STOPPING if self._hushed else AWAY)
            return
        options = {option["name"]: str(option.get("value", "")) for option in data.get("options", ())}
        ask = CommandCall(
            self._chat,
            self._memory,
            place,
            interaction.user.display_name,
            level(interaction, self._owners),
            options if not is_menu else {},
        )
        target = str(data.get("target_id", "")) if is_menu else ""
        await self._finish(interaction, await self._run(name, ask, target))

    async def _run(self, name: str, ask: CommandCall, target: str) -> str:
        """What a command answers, or why it cannot; empty for nothing."""
        try:
            async with asyncio.timeout(self._calls.clocks.command):
                if target:
                    await self._check_target(ask.place, target)
                return await run_command(name, ask)
        except UserError as error:
            return str(error)
        except TimeoutError:
            return "That takes too long; look again later."
        except Exception:
            log.exception("a command failed", extra={"command": name, "place": str(ask.place)})
            return "Something went wrong here; the log says what."

    async def _check_target(self, place: Place, target: str) -> None:
        """The menu of a message is about the newest answer, whose parts are several messages."""
        last = await self._memory.last_answer(place)
        chosen = await self._memory.find(place, target)
        if last is None or chosen is None or chosen.id != last.message.id:
            raise UserError("Only the newest answer here can be asked about: choose that message.")

    async def _finish(self, interaction: discord.Interaction, text: str) -> None:
        """Put the answer where it was promised, or take the promise back; trying twice does no harm."""
        for tried in range(_TRIES):
            try:
                if text:
                    editing = interaction.edit_original_response(
                        content=fitting(text), allowed_mentions=NOBODY
                    )
                    await self._calls.make(editing)
                else:
                    await self._calls.make(interaction.delete_original_response())
                return
            except (discord.Forbidden, discord.NotFound):
                raise
            except FAILURES:
                if tried + 1 == _TRIES:
                    raise
                await asyncio.sleep(self._calls.clocks.retry)

    def _place(self, interaction: discord.Interaction) -> Place | None:
        """Where it was asked; None where the bot itself is no member, and must neither read nor write."""
        channel = interaction.channel
        if channel is None:
            return None
        if interaction.guild_id is None:
            mine = interaction.context.dm_channel and isinstance(channel, discord.DMChannel)
            return self._places.at(channel.id, None) if mine else None
        guild = interaction.client.get_guild(interaction.guild_id)
        if guild is None or not interaction.is_guild_integration():
            return None
        if isinstance(channel, discord.Thread):
            return self._places.at(channel.parent_id, guild.id, channel.id)
        return self._places.at(channel.id, guild.id)
