"""The pictures of webhooks: which one each has, so that a changed picture is uploaded once."""

import asyncio
import logging
from hashlib import blake2b
from zlib import crc32

from bot.memory.store import Memory
from bot.persona.persona import Persona

log = logging.getLogger(__name__)

MAX_NOTED = 10_000  # webhooks of which the picture is noted
_DEFAULT_PICTURES = 6  # that Discord has for users without a picture of their own


class WebhookPictures:
    """Notes in memory the digest of each webhook's picture; Discord's own hash is of a converted picture."""

    def __init__(self, memory: Memory, scope: str) -> None:
        self._memory, self._scope = memory, scope
        self._noted: dict[str, str] | None = None  # digest by webhook id; empty for no picture
        self._read: dict[str, tuple[Persona, bytes | None, str]] = {}  # by persona key

    async def picture_of(self, persona: Persona) -> tuple[bytes | None, str]:
        """Return a persona's picture and its digest, read once each time that the persona is loaded."""
        known = self._read.get(persona.key)
        if known is None or known[0] is not persona:
            picture = await asyncio.to_thread(_read_picture, persona)
            known = persona, picture, blake2b(picture, digest_size=12).hexdigest() if picture else ""
            self._read[persona.key] = known
        return known[1:]

    async def is_outdated(self, webhook_id: int, digest: str) -> bool:
        """Return whether a webhook has another picture than this one.

        A picture that no process of the bot has uploaded stays where the persona has none.
        """
        noted = (await self._notes()).get(str(webhook_id))
        return bool(digest) if noted is None else noted != digest

    async def note(self, webhook_id: int, digest: str) -> None:
        """Note the picture that a webhook has now, or that Discord refuses for it."""
        notes = await self._notes()
        if notes.get(str(webhook_id)) == digest:
            return
        notes[str(webhook_id)] = digest
        await self._memory.set_platform_state(self._scope, str(webhook_id), digest)
        while len(notes) > MAX_NOTED:
            oldest = min(notes, key=int)
            del notes[oldest]
            await self._memory.set_platform_state(self._scope, oldest, None)

    async def _notes(self) -> dict[str, str]:
        if self._noted is None:
            self._noted = await self._memory.platform_state(self._scope)
        return self._noted


def default_picture(persona: Persona) -> str:
    """Return the address of a picture of Discord's own for a persona without one, always the same."""
    number = crc32(persona.key.encode()) % _DEFAULT_PICTURES
    return f"https://cdn.discordapp.com/embed/avatars/{number}.png"


def _read_picture(persona: Persona) -> bytes | None:
    try:
        return persona.avatar.read_bytes() if persona.avatar else None
    except OSError as error:
        log.warning("picture_unreadable", extra={"file": str(persona.avatar), "reason": error.strerror})
        return None
