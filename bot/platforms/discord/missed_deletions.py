"""Deletions of the time without a session: what Discord no longer lists is erased here too."""

import asyncio
import logging

import discord

from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.channels import PLATFORM
from bot.platforms.discord.compat import fetch_newest_raw
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.senders import channel_id_of

log = logging.getLogger(__name__)

PAGE_SIZE = 100  # newest messages of a channel that are compared, in one call
MAX_PLACES = 100  # places with the newest messages; one call each
_MAX_CONCURRENT = 4  # calls at once


class MissedDeletions:
    """Compares the newest messages in memory with those that Discord lists."""

    def __init__(self, client: Gateway, calls: ApiCalls, memory: Memory, account: str) -> None:
        self._client, self._calls, self._memory, self._account = client, calls, memory, account

    async def run(self) -> None:
        """Erase the messages that people deleted, as far as the newest page of each channel tells."""
        stored = await self._memory.cursors(PLATFORM, self._account)
        cursors = [(int(cursor), place) for place, cursor in stored.items() if cursor.isdecimal()]
        newest = sorted(cursors, key=lambda pair: -pair[0])[:MAX_PLACES]
        semaphore = asyncio.Semaphore(_MAX_CONCURRENT)
        try:
            async with asyncio.timeout(self._calls.timings.call_timeout):
                await asyncio.gather(*(self._compare(place, cursor, semaphore) for cursor, place in newest))
        except TimeoutError:  # missed messages wait to be read and answered
            log.warning("deletions_unknown", extra={"error": "TimeoutError"})

    async def _compare(self, place: Place, cursor: int, semaphore: asyncio.Semaphore) -> None:
        async with semaphore:
            try:
                listed = await self._listed(place, cursor)
                if missing := await self._missing(place, listed, cursor):
                    await self._memory.remove(place, missing)
                    log.info("deletions_learned", extra={"place": str(place), "messages": len(missing)})
            except (discord.Forbidden, discord.NotFound):
                return
            except (*API_ERRORS, UserError) as error:  # Discord, or memory
                name = type(error).__name__
                log.warning("deletions_unknown", extra={"place": str(place), "error": name})

    async def _listed(self, place: Place, cursor: int) -> list[int]:
        """Return the ids of a channel's newest messages up to the newest known one."""
        call = fetch_newest_raw(self._client, channel_id_of(place), PAGE_SIZE, before=cursor + 1)
        return sorted(int(payload["id"]) for payload in await self._calls.make_call(call))

    async def _missing(self, place: Place, listed: list[int], cursor: int) -> list[str]:
        """Return the ids of people's messages that stand in memory, and should be in the list.

        An empty list says nothing: Discord gives one where the bot may not read the history.
        """
        if not listed:
            return []
        oldest = listed[0] if len(listed) == PAGE_SIZE else 0
        known = await self._memory.history(place, limit=2 * PAGE_SIZE)
        ids = [message.id for message in known if message.persona is None and message.id.isdecimal()]
        return [id for id in ids if oldest <= int(id) <= cursor and int(id) not in listed]
