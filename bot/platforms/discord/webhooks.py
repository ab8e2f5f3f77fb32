"""Webhooks that give personas a name and an avatar: found again, created where there is room, else shared."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import discord

from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.discord.api import ApiCalls, has_error_code
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.refusals import TOO_MANY_WEBHOOKS, describe_refusal
from bot.platforms.discord.senders import WebhookSender
from bot.platforms.discord.webhook_name import webhook_name
from bot.platforms.discord.webhook_pictures import default_picture
from bot.platforms.discord.webhook_upkeep import WebhookChannel, WebhookUpkeep

log = logging.getLogger(__name__)

MAX_KNOWN = 10_000  # webhooks of all channels, also of those that were replaced
MAX_WEBHOOKS = 15  # in one channel, of all applications together
SHARED_NAME = "Personas"  # the name of the webhook that personas without their own share


class Webhooks:
    """This account's webhooks by channel. Discord is asked for a channel's webhooks once."""

    def __init__(
        self,
        client: Gateway,
        calls: ApiCalls,
        upkeep: WebhookUpkeep,
        personas: Callable[[], Iterable[Persona]],
    ) -> None:
        """`personas` gives those that are loaded now: the webhooks of others are free to be reused."""
        self._client, self._calls = client, calls
        self._upkeep, self._personas = upkeep, personas
        self._own: dict[int, list[discord.Webhook]] = {}
        self._free: dict[int, int] = {}
        self._denied_until: dict[int, float] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._known: dict[int, discord.Webhook] = {}

    def owns(self, webhook_id: int | None) -> bool:
        """Return whether a webhook is known to be this account's."""
        return webhook_id in self._known

    def forget(self, channel_id: int) -> None:
        """Ask Discord again for a channel's webhooks, and for the permission to use them."""
        self._own.pop(channel_id, None)
        self._denied_until.pop(channel_id, None)

    def drop_channel(self, channel_id: int) -> None:
        """Drop all that is known of a channel that is gone."""
        self._known = {id: hook for id, hook in self._known.items() if hook.channel_id != channel_id}
        self.forget(channel_id)
        self._free.pop(channel_id, None)
        self._locks.pop(channel_id, None)

    async def find_sender(self, place: Place, persona: Persona) -> WebhookSender | None:
        """Return the webhook that sends for a persona; None where there can be none."""
        channel = self._client.get_channel(int(place.chat)) if place.server else None
        if not isinstance(channel, WebhookChannel):
            return None
        async with self._locks[channel.id]:
            if not self._are_allowed(channel):
                return None
            try:
                return await self._choose_webhook(channel, place, persona)
            except discord.HTTPException as error:
                if not 400 <= error.status < 500 or error.status in (401, 408, 429):
                    raise
                self._deny(channel, error)
                return None

    async def sender_by_id(self, place: Place, webhook_id: int) -> WebhookSender | None:
        """Return this account's webhook of an id; a known webhook needs no permission to list webhooks."""
        channel = self._client.get_channel(int(place.chat))
        if webhook_id not in self._known and isinstance(channel, WebhookChannel):
            async with self._locks[channel.id]:
                with suppress(discord.Forbidden):
                    await self._fetch_own(channel)
        webhook = self._known.get(webhook_id)
        return WebhookSender(self._calls, webhook, place) if webhook else None

    def _are_allowed(self, channel: WebhookChannel) -> bool:
        """Return whether webhooks can be used here. Known webhooks work without the permission."""
        if self._own.get(channel.id):
            return True
        me = channel.guild.me
        if me is not None and not channel.permissions_for(me).manage_webhooks:
            return False
        return asyncio.get_running_loop().time() >= self._denied_until.get(channel.id, 0.0)

    def _deny(self, channel: WebhookChannel, error: discord.HTTPException) -> None:
        """Use no webhooks for a while: the account sends, and names the persona."""
        log.info("webhooks_forbidden", extra={"place": str(channel.id), "reason": describe_refusal(error)})
        self._denied_until[channel.id] = (
            asyncio.get_running_loop().time() + self._calls.timings.webhook_denial
        )

    async def _choose_webhook(
        self, channel: WebhookChannel, place: Place, persona: Persona
    ) -> WebhookSender | None:
        """Return the persona's own webhook: found, reused or created; else the one that several share."""
        own, name = await self._fetch_own(channel), webhook_name(persona.name)
        shared = next((hook for hook in own if hook.name == SHARED_NAME), None)
        own_webhook = next((hook for hook in own if hook.name == name), None)
        own_webhook = own_webhook or await self._reuse(own, name, persona)
        if own_webhook is None and self._free[channel.id] > (shared is None):
            own_webhook = await self._create(channel, name, persona)
        if own_webhook is not None:
            await self._upkeep.update_picture(own_webhook, persona)
            return WebhookSender(self._calls, own_webhook, place, avatar_url=_picture_url(persona))
        if shared is None and self._free[channel.id] > 0:
            shared = await self._create(channel, SHARED_NAME, None)
        shared = shared or next(iter(self._own.get(channel.id, ())), None)
        picture = persona.avatar_url or default_picture(persona)
        return WebhookSender(self._calls, shared, place, name, picture) if shared else None

    async def _reuse(
        self, own: Sequence[discord.Webhook], name: str, persona: Persona
    ) -> discord.Webhook | None:
        """Return a webhook that no persona has any more, with this persona's name; None where there is none.

        Such webhooks are left by earlier runs: by personas that got another name, or are gone.
        """
        taken = {SHARED_NAME, *(webhook_name(known.name) for known in self._personas())}
        stale = next((hook for hook in own if hook.name not in taken), None)
        renamed = stale is not None and await self._upkeep.rename(stale, name, persona)
        return stale if renamed else None

    async def _fetch_own(self, channel: WebhookChannel) -> list[discord.Webhook]:
        """Return this account's webhooks; only these come with a token."""
        if channel.id not in self._own:
            webhooks = await self._calls.make_call(channel.webhooks())
            me = self._client.user
            own = [hook for hook in webhooks if hook.token and hook.user and me and hook.user.id == me.id]
            self._own[channel.id], self._free[channel.id] = own, MAX_WEBHOOKS - len(webhooks)
            self._remember(own)
        return self._own[channel.id]

    async def _create(
        self, channel: WebhookChannel, name: str, persona: Persona | None
    ) -> discord.Webhook | None:
        """Return a new webhook; None where Discord accepts no further one, now or ever."""
        try:
            webhook = await self._upkeep.create(channel, name, persona)
        except discord.RateLimited:
            return None
        except discord.HTTPException as error:
            is_full = has_error_code(error, *TOO_MANY_WEBHOOKS)
            if error.status != 400 and not self._own.get(channel.id):
                raise
            log.info(
                "webhook_not_created", extra={"place": str(channel.id), "reason": describe_refusal(error)}
            )
            if is_full or error.status == 403:
                self._free[channel.id] = 0
            return None
        self._free[channel.id] -= 1
        if channel.id in self._own:  # else `forget` was called meanwhile
            self._own[channel.id].append(webhook)
        self._remember([webhook])
        return webhook

    def _remember(self, webhooks: Iterable[discord.Webhook]) -> None:
        """Know webhooks as this account's; the one known longest is forgotten first, and asked for again."""
        for webhook in webhooks:
            self._known[webhook.id] = webhook
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]


def _picture_url(persona: Persona) -> str:
    """Return the address that a persona's own webhook sends; empty where the webhook's own picture shows.

    Discord shows the picture of whoever spoke last through a webhook without one, such as a persona that bore
    the webhook before, or to which it was lent: a webhook without a picture always sends an address.
    """
    return "" if persona.avatar else persona.avatar_url or default_picture(persona)
