"""Text files that Discord's client made of a long paste, read from Discord's own CDN."""

import asyncio
import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import discord

from bot.platforms.discord.api import API_ERRORS
from bot.platforms.discord.compat import fetch_bytes
from bot.platforms.discord.gateway import Gateway

log = logging.getLogger(__name__)

MAX_BYTES = 64 << 10  # of a file that is read
PASTE_NAME = "message.txt"  # the client's name for a text that is too long for a message
_HOSTS = {"cdn.discordapp.com", "media.discordapp.net"}
_LONGEST_WAIT = 2.0  # seconds for one message, and the budget of a burst of messages
_REGAINED = 0.1  # seconds of the budget that each second gives back: a tenth of the intake's time


class TextFiles:
    """Reads pasted texts while a budget of time lasts: no flood of files delays the messages of others.

    `clock` gives seconds.
    """

    def __init__(self, client: Gateway, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._budget, self._counted = _LONGEST_WAIT, clock()

    async def read(self, attachments: list[discord.Attachment]) -> dict[int, str]:
        """Return the texts of the pasted files that could be read, by attachment id."""
        pasted = [attachment for attachment in attachments if is_pasted_text(attachment)]
        begun, texts = self._clock(), dict[int, str]()
        self._budget = min(_LONGEST_WAIT, self._budget + _REGAINED * (begun - self._counted))
        self._counted = begun
        if not pasted or self._budget <= 0:
            return texts
        try:
            async with asyncio.timeout(self._budget):
                for attachment in pasted:
                    texts[attachment.id] = await self._fetch(attachment)
        except API_ERRORS as error:
            log.warning("file_unreadable", extra={"error": type(error).__name__})
        self._budget -= self._clock() - begun
        return texts

    async def _fetch(self, attachment: discord.Attachment) -> str:
        found = await fetch_bytes(self._client, attachment.url, MAX_BYTES)
        return found.decode("utf-8-sig", "replace").strip()


def is_pasted_text(attachment: discord.Attachment) -> bool:
    """Return whether an attachment is a pasted text on Discord's own CDN."""
    kind = (attachment.content_type or "text/plain").partition(";")[0].strip()
    return (
        attachment.filename == PASTE_NAME
        and kind == "text/plain"
        and attachment.size <= MAX_BYTES
        and _is_on_cdn(attachment.url)
    )


def _is_on_cdn(url: str) -> bool:
    """Return whether an address is Discord's CDN: its own hosts, or those that tests put in their place."""
    own, given = urlsplit(discord.asset.Asset.BASE), urlsplit(url)
    if (given.scheme, given.netloc) == (own.scheme, own.netloc):
        return True
    return given.scheme == "https" and given.netloc in _HOSTS
