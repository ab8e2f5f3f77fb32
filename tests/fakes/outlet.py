"""A platform that keeps what it is told to show and to send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.memory.records import Outgoing
from bot.message import Place
from bot.persona.persona import Persona


class Recorder:
    """An outlet; `sent` has (speaker, text) pairs, with None as the speaker of a notice."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.shown: list[str] = []
        self.sent: list[tuple[str | None, str]] = []
        self.typed: list[str] = []
        self.failure: Exception | None = None
        self._changed = asyncio.Condition()

    def measure(self, text: str) -> int:
        return len(text)

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        self.typed.append(f"{persona.key} begins")
        try:
            yield
        finally:
            self.typed.append(f"{persona.key} ends")

    async def show(self, place: Place, persona: Persona, text: str) -> None:
        self.shown.append(text)
        async with self._changed:
            self._changed.notify_all()

    async def has_shown(self, count: int) -> None:
        """Wait until an answer has been shown so many times."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.shown) >= count)

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        if self.failure:
            raise self.failure
        self.sent.append((persona.key if persona else None, outgoing.text))
        return f"sent-{len(self.sent)}"
