"""Servers, channels and threads that are gone: logged, with an offer to erase what was said there."""

import logging

import discord

from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.discord.channels import PLATFORM
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.webhooks import Webhooks

log = logging.getLogger(__name__)

EVENTS = ("guild_remove", "guild_channel_delete", "thread_delete")  # of discord.py
_MAX_OFFERS = 50  # places of one server; `data status` lists all


class Departures:
    """Logs what is gone. What was said there stays stored until the owner erases it, as the log says how."""

    def __init__(self, client: Gateway, memory: Memory, webhooks: Webhooks, account: str) -> None:
        self._client, self._memory, self._webhooks, self._account = client, memory, webhooks, account

    async def handle(
        self, event: str, gone: discord.Guild | discord.abc.GuildChannel | discord.Thread
    ) -> None:
        """Log an event of `EVENTS`, and offer to erase the places that are gone with it."""
        _log_departure(event, gone.id)
        for channel in gone.channels if isinstance(gone, discord.Guild) else (gone,):
            self._webhooks.drop_channel(channel.id)
        await self._offer_erasure(str(gone.id))

    async def report_absent_servers(self) -> None:
        """Log the servers that removed the bot while no process was connected, with the same offer."""
        present = {str(guild.id) for guild in self._client.guilds}
        for absent in sorted({place.server for place in await self._places()} - {"", *present}):
            log.warning("removed_from_server", extra={"id": absent})
            await self._offer_erasure(absent)

    async def _offer_erasure(self, id: str) -> None:
        """Log the command that erases each place of a server, channel or thread."""
        gone = [place for place in await self._places() if id in (place.server, place.chat, place.thread)]
        for place in gone[:_MAX_OFFERS]:
            remedy = f"to erase what was said there, run python -m bot data forget --place {place}"
            log.warning("place_is_gone", extra={"place": str(place), "remedy": remedy})

    async def _places(self) -> list[Place]:
        remembered = (found.place for found in await self._memory.places())
        return [place for place in remembered if (place.platform, place.account) == (PLATFORM, self._account)]


def _log_departure(event: str, id: int) -> None:
    if event == "guild_remove":
        log.warning("removed_from_server", extra={"id": id})
    elif event == "guild_channel_delete":
        log.warning("channel_deleted", extra={"id": id})
    else:
        log.warning("thread_deleted", extra={"id": id})
