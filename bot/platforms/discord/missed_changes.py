"""Deletions and edits of the time without a session, and those that found no room in the event queue."""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

import discord

from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.channels import PLATFORM
from bot.platforms.discord.compat import fetch_newest_raw, parse_message
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.inbound import InboundMessages
from bot.platforms.discord.senders import channel_id_of

log = logging.getLogger(__name__)

PAGE_SIZE = 100  # newest messages of a channel that are compared, in one call
MAX_PLACES = 100  # places with the newest messages; one call each
_MAX_CONCURRENT = 4  # calls at once


class MissedChanges:
    """Compares the newest messages in memory with those that Discord lists."""

    def __init__(
        self, client: Gateway, calls: ApiCalls, memory: Memory, inbound: InboundMessages, account: str
    ) -> None:
        self._client, self._calls, self._memory = client, calls, memory
        self._inbound, self._account = inbound, account

    async def run(self) -> None:
        """Erase what people deleted and store what they edited, by the newest page of each channel."""
        stored = await self._memory.cursors(PLATFORM, self._account)
        cursors = [(int(cursor), place) for place, cursor in stored.items() if cursor.isdecimal()]
        newest = sorted(cursors, key=lambda pair: -pair[0])[:MAX_PLACES]
        semaphore = asyncio.Semaphore(_MAX_CONCURRENT)
        try:
            async with asyncio.timeout(self._calls.timings.call_timeout):
                await asyncio.gather(*(self._compare(place, cursor, semaphore) for cursor, place in newest))
        except TimeoutError:  # missed messages wait to be read and answered
            log.warning("changes_unknown", extra={"error": "TimeoutError"})

    async def _compare(self, place: Place, cursor: int, semaphore: asyncio.Semaphore) -> None:
        async with semaphore:
            try:
                await self._apply(place, await self._listed(place, cursor), cursor)
            except (discord.Forbidden, discord.NotFound):
                return
            except (*API_ERRORS, UserError) as error:  # Discord, or memory
                name = type(error).__name__
                log.warning("changes_unknown", extra={"place": str(place), "error": name})

    async def _apply(self, place: Place, listed: dict[int, Any], cursor: int) -> None:
        known = await self._memory.history(place, limit=2 * PAGE_SIZE)
        texts = {int(each.id): each.text for each in known if each.persona is None and each.id.isdecimal()}
        if missing := _missing(texts, listed, cursor):
            await self._memory.remove(place, list(map(str, missing)))
            log.info("deletions_learned", extra={"place": str(place), "messages": len(missing)})
        for id, payload in listed.items():
            if id in texts and payload.get("edited_timestamp"):
                await self._edit(place, payload)

    async def _edit(self, place: Place, payload: Any) -> None:
        """Store the new text of an edited message, if it is another one."""
        channel_id = channel_id_of(place)
        guild_id = int(place.server) if place.server else None
        channel = self._client.get_channel(channel_id) or self._client.get_partial_messageable(
            channel_id, guild_id=guild_id
        )
        try:
            message = parse_message(self._client, channel, payload)
        except Exception as error:
            log.warning("changes_unknown", extra={"place": str(place), "error": type(error).__name__})
            return
        await self._inbound.edit(message)

    async def _listed(self, place: Place, cursor: int) -> dict[int, Any]:
        """Return a channel's newest messages up to the newest known one, by id."""
        call = fetch_newest_raw(self._client, channel_id_of(place), PAGE_SIZE, before=cursor + 1)
        return {int(payload["id"]): payload for payload in await self._calls.make_call(call)}


def _missing(known: Collection[int], listed: Collection[int], cursor: int) -> list[int]:
    """Return the ids of people's messages that stand in memory, and should be in the list.

    An empty list says nothing: Discord gives one where the bot may not read the history.
    """
    if not listed:
        return []
    oldest = min(listed) if len(listed) == PAGE_SIZE else 0
    return [id for id in known if oldest <= id <= cursor and id not in listed]
