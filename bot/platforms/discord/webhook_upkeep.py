"""Webhooks made, renamed and given a persona's picture; a refused picture costs the face alone."""

import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

import discord

from bot.persona.persona import Persona
from bot.platforms.discord.api import ApiCalls, has_error_code
from bot.platforms.discord.refusals import TOO_MANY_WEBHOOKS
from bot.platforms.discord.webhook_pictures import WebhookPictures

log = logging.getLogger(__name__)

WebhookChannel: TypeAlias = (
    discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel
)


class WebhookUpkeep:
    """Makes and changes webhooks, and notes their pictures."""

    def __init__(self, calls: ApiCalls, pictures: WebhookPictures) -> None:
        self._calls, self._pictures = calls, pictures

    async def create(self, channel: WebhookChannel, name: str, persona: Persona | None) -> discord.Webhook:
        """Return a new webhook with a persona's picture. Raises discord.py's errors."""
        picture, digest = await self._pictures.picture_of(persona) if persona else (None, "")
        creating = partial(channel.create_webhook, name=name)
        webhook = await self._with_picture(lambda image: creating(avatar=image), picture, name)
        await self._pictures.note(webhook.id, digest)
        return webhook

    async def rename(self, webhook: discord.Webhook, name: str, persona: Persona) -> bool:
        """Give a webhook the persona's name and picture; return False where that fails."""
        picture, digest = await self._pictures.picture_of(persona)
        renaming = partial(webhook.edit, name=name, prefer_auth=False)
        try:
            await self._with_picture(lambda image: renaming(avatar=image), picture, name)
        except discord.RateLimited:
            return False
        except discord.HTTPException as error:
            log.info("webhook_not_renamed", extra={"place": str(webhook.channel_id), "code": error.code})
            return False
        webhook.name = name
        await self._pictures.note(webhook.id, digest)
        return True

    async def update_picture(self, webhook: discord.Webhook, persona: Persona) -> None:
        """Upload the persona's picture where the webhook has another; the name stays whatever happens."""
        picture, digest = await self._pictures.picture_of(persona)
        if not await self._pictures.is_outdated(webhook.id, digest):
            return
        try:
            await self._calls.make_call(webhook.edit(avatar=picture, prefer_auth=False))
        except discord.RateLimited:
            return
        except discord.HTTPException as error:
            if error.status != 400:
                return
            log.warning("avatar_refused", extra={"file": str(persona.avatar)})
        await self._pictures.note(webhook.id, digest)

    async def _with_picture(
        self,
        call: Callable[[bytes | None], Coroutine[Any, Any, discord.Webhook]],
        picture: bytes | None,
        name: str,
    ) -> discord.Webhook:
        """Return a webhook made or changed with a picture; without one where Discord refuses the picture."""
        try:
            return await self._calls.make_call(call(picture))
        except discord.HTTPException as error:
            if error.status != 400 or picture is None or has_error_code(error, *TOO_MANY_WEBHOOKS):
                raise
        log.warning("avatar_refused", extra={"webhook": name})
        return await self._calls.make_call(call(None))
