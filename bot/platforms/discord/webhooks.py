"""Webhooks, by which personas have a name and a face: found again, made where there is room, shared else."""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import discord

from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.discord.api import TOO_MANY_WEBHOOKS, ApiCalls, has_code
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.senders import WebhookSender
from bot.platforms.discord.webhook_name import legal

log = logging.getLogger(__name__)

Channel: TypeAlias = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel

MOST = 15  # in one channel, of all applications together
SHARED = "Personas"  # the name of the one that speaks for whoever has none


class Webhooks:
    """The webhooks of this account, by channel. What Discord says of them is asked for once."""

    def __init__(self, client: Gateway, calls: ApiCalls) -> None:
        self._client, self._calls = client, calls
        self._own: dict[int, list[discord.Webhook]] = {}
        self._room: dict[int, int] = {}
        self._denied: dict[int, float] = {}
        self._busy: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._met: dict[int, discord.Webhook] = {}

    def owns(self, webhook_id: int | None) -> bool:
        """Whether a webhook is one of this account's, as far as it has met it."""
        return webhook_id in self._met

    def forget(self, channel_id: int) -> None:
        """Ask again what webhooks a channel has, and whether they may be used."""
        self._own.pop(channel_id, None)
        self._denied.pop(channel_id, None)

    async def find(self, place: Place, persona: Persona) -> WebhookSender | None:
        """The webhook that speaks for a persona; None where there can be none."""
        channel = self._client.get_channel(int(place.chat)) if place.server else None
        if not isinstance(channel, Channel):
            return None
        async with self._busy[channel.id]:
            if not self._may(channel):
                return None
            try:
                return await self._choose(channel, place, persona)
            except discord.Forbidden:
                self._deny(channel)
                return None

    async def with_id(self, place: Place, webhook_id: int) -> WebhookSender | None:
        """One of this account's webhooks by its id, also where it may no longer ask for them."""
        channel = self._client.get_channel(int(place.chat))
        if webhook_id not in self._met and isinstance(channel, Channel):
            async with self._busy[channel.id]:
                with suppress(discord.Forbidden):
                    await self._list(channel)
        met = self._met.get(webhook_id)
        return WebhookSender(self._calls, met, place) if met else None

    def _may(self, channel: Channel) -> bool:
        """Whether webhooks can be used here. Those that are known work without the permission."""
        if self._own.get(channel.id):
            return True
        me = channel.guild.me
        if me is not None and not channel.permissions_for(me).manage_webhooks:
            return False
        return asyncio.get_running_loop().time() >= self._denied.get(channel.id, 0.0)

    def _deny(self, channel: Channel) -> None:
        log.info("no webhooks here", extra={"place": str(channel.id)})
        self._denied[channel.id] = asyncio.get_running_loop().time() + self._calls.clocks.denied

    async def _choose(self, channel: Channel, place: Place, persona: Persona) -> WebhookSender | None:
        own, name = await self._list(channel), legal(persona.name)
        shared = next((hook for hook in own if hook.name == SHARED), None)
        mine = next((hook for hook in own if hook.name == name), None)
        if mine is None and self._room[channel.id] > (shared is None):
            mine = await self._make(channel, name, persona.avatar)
        if mine is not None:
            return WebhookSender(self._calls, mine, place)
        if shared is None and self._room[channel.id] > 0:
            shared = await self._make(channel, SHARED, None)
        lent = shared or next(iter(self._own.get(channel.id, ())), None)
        return WebhookSender(self._calls, lent, place, name, persona.avatar_url) if lent else None

    async def _list(self, channel: Channel) -> list[discord.Webhook]:
        """This account's webhooks; only these come with a token."""
        if channel.id not in self._own:
            every = await self._calls.make(channel.webhooks())
            me = self._client.user
            own = [hook for hook in every if hook.token and hook.user and me and hook.user.id == me.id]
            self._own[channel.id], self._room[channel.id] = own, MOST - len(every)
            self._met |= {hook.id: hook for hook in own}
        return self._own[channel.id]

    async def _make(self, channel: Channel, name: str, picture: Path | None) -> discord.Webhook | None:
        """A new webhook; None where Discord wants no more of them, now or ever."""
        face = await asyncio.to_thread(picture.read_bytes) if picture else None
        try:
            made = await self._calls.make(channel.create_webhook(name=name, avatar=face))
        except discord.RateLimited:
            return None
        except discord.HTTPException as error:
            if has_code(error, TOO_MANY_WEBHOOKS):
                self._room[channel.id] = 0
                return None
            if error.status == 400 and face:
                log.warning("a picture is not accepted", extra={"file": str(picture)})
                return await self._make(channel, name, None)
            raise
        self._room[channel.id] -= 1
        if channel.id in self._own:  # else they have changed meanwhile, and are asked for anew
            self._own[channel.id].append(made)
        self._met[made.id] = made
        return made
