"""A platform that records the texts to show and to send."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.persona import Persona
from bot.text.formatted_text import FormattedText
from bot.text.splitting import split_message
from bot.text.visibility import is_visible


class Recorder:
    """Records calls; `sent` has pairs of persona key (None for a notice) and text."""

    for_owner = False

    def __init__(self, limit: int | None = None) -> None:
        self.room = limit
        self.wait = 0.0
        self.kept = False
        self.removed: list[str] = []
        self.failures: list[Exception] = []
        self.shown: list[str] = []
        self.sent: list[tuple[str | None, str]] = []
        self.typed: list[str] = []
        self.failure: Exception | None = None
        self._changed = asyncio.Condition()

    def split(self, text: str, place: Place, persona: Persona) -> Sequence[FormattedText]:
        parts = [part.text_to_send for part in split_message(text, self.room)]
        return [FormattedText(part) for part in parts if is_visible(part)]

    def pace(self, place: Place) -> float:
        return self.wait

    def stays(self, place: Place) -> bool:
        return self.kept

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        self.removed += sent_ids

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        self.typed.append(f"{persona.key} begins")
        try:
            yield
        finally:
            self.typed.append(f"{persona.key} ends")

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        self.shown.append(text)
        async with self._changed:
            self._changed.notify_all()
        return (draft.sent_id or f"shown-{draft.key}") if self.kept else None

    async def has_shown(self, count: int) -> None:
        """Wait until previews have been shown so many times."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.shown) >= count)

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        if self.failure:
            raise self.failure
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((persona.key if persona else None, outgoing.text))
        return f"sent-{len(self.sent)}"
