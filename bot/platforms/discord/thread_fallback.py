"""Threads that take no messages: opened again where the bot may, else answered in their channel."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import replace

import discord

from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.compat import reopen_thread
from bot.platforms.discord.gateway import Gateway

log = logging.getLogger(__name__)

MAX_CLOSED = 1000  # threads that are remembered as closed


class ThreadFallback:
    """Knows the threads whose answers go to their channels, so that an answer's parts stay together."""

    def __init__(self, client: Gateway, calls: ApiCalls) -> None:
        self._client, self._calls = client, calls
        self._closed_until: OrderedDict[Place, float] = OrderedDict()  # loop time

    def open_place(self, place: Place) -> Place:
        """Return the place that takes the messages of a place: itself, or the channel of a closed thread."""
        now = asyncio.get_running_loop().time()
        return replace(place, thread="") if now < self._closed_until.get(place, 0.0) else place

    def in_open_place(self, outgoing: Outgoing) -> Outgoing:
        """Return a part in the place that takes it; in a channel the message to reply to is missing."""
        place = self.open_place(outgoing.place)
        return outgoing if place == outgoing.place else replace(outgoing, place=place, reply_to=None)

    async def reopen(self, place: Place) -> None:
        """Open an archived thread again, where the bot may."""
        try:
            await self._calls.make_call(reopen_thread(self._client, int(place.thread)))
        except API_ERRORS as error:
            log.info("thread_not_reopened", extra={"place": str(place), "error": type(error).__name__})

    async def close(self, place: Place) -> bool:
        """Send what belongs to a thread to its channel for a while; return False for a private thread.

        Nothing of a private thread is shown to the whole channel, nor of one that the bot knows nothing of.
        """
        if not await self._is_public(place):
            return False
        log.warning("thread_closed", extra={"place": str(place), "instead": "its channel"})
        self._closed_until[place] = asyncio.get_running_loop().time() + self._calls.timings.webhook_denial
        if len(self._closed_until) > MAX_CLOSED:
            self._closed_until.popitem(last=False)
        return True

    async def _is_public(self, place: Place) -> bool:
        thread = self._client.get_channel(int(place.thread))
        if thread is None:  # discord.py forgets archived threads
            try:
                thread = await self._calls.make_call(self._client.fetch_channel(int(place.thread)))
            except API_ERRORS:
                return False
        return isinstance(thread, discord.Thread) and not thread.is_private()
