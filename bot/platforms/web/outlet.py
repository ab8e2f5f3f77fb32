"""The outlet of the page: replies as events for whoever listens."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bot.chat.worker import ConversationWorker
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.web.listeners import Listeners
from bot.platforms.web.views import message_view
from bot.text.formatted_text import FormattedText
from bot.text.visibility import is_visible


class WebOutlet:
    """Tells listeners of drafts, messages and notices. A message is in memory, whoever listens."""

    for_owner = True

    def __init__(
        self, memory: Memory, listeners: Listeners, worker: Callable[[Place], ConversationWorker]
    ) -> None:
        self._memory, self._listeners, self._worker = memory, listeners, worker
        self._resting: set[asyncio.Task[None]] = set()

    def split(self, text: str, place: Place, persona: Persona) -> Sequence[FormattedText]:
        return [FormattedText(text.strip())] if is_visible(text) else []

    def pace(self, place: Place) -> float:
        return 0.0

    def stays(self, place: Place) -> bool:
        return False

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        self._listeners.tell(place, "busy", busy=True)
        self._listeners.tell(place, "typing", persona=persona.key)
        try:
            yield
        finally:
            task = asyncio.create_task(self._rest(place))
            self._resting.add(task)
            task.add_done_callback(self._resting.discard)

    async def _rest(self, place: Place) -> None:
        """Tell that a place is quiet, once its worker is: then another reply may be asked for."""
        worker = self._worker(place)
        await worker.idle()
        self._listeners.tell(place, "busy", busy=worker.busy)

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        self._listeners.tell(draft.place, "draft", persona=persona.key, text=text)
        return None

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        shown = await self._memory.shown_of_part(outgoing.place, outgoing.key) if outgoing.key else None
        if shown is None:
            self._listeners.tell(outgoing.place, "notice", text=outgoing.text)
            return None
        self._listeners.tell(outgoing.place, "message", **message_view(shown))
        return shown.message.id

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        for id in sent_ids:
            self._listeners.tell(place, "removed", id=id)
