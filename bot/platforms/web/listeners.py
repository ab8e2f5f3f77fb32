"""Listeners: pages that hear of a conversation as it goes on, each with a bounded queue of events."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.api.errors import ApiError
from bot.message import Place

MAX_LISTENERS, MAX_OF_PLACE = 64, 8
MAX_EVENTS = 256  # that wait for one listener; a slower one is left, and reads the conversation again
_MAX_NOTICES = 3  # of a conversation that nobody listens to


@dataclass(frozen=True, slots=True)
class PageEvent:
    """An event's name, and its object of JSON."""

    name: str
    body: dict[str, object]


class Listener:
    """The events of one page; a draft takes the place of one that still waits."""

    def __init__(self) -> None:
        self._waiting: deque[PageEvent] = deque()
        self._arrived = asyncio.Event()
        self._is_closed = False

    def put(self, event: PageEvent) -> None:
        """Queue an event; a listener that is too slow is closed."""
        if self._waiting and self._waiting[-1].name == event.name == "draft":
            self._waiting.pop()
        if len(self._waiting) >= MAX_EVENTS:
            self.close()
        self._waiting.append(event)
        self._arrived.set()

    def close(self) -> None:
        """End the events."""
        self._is_closed = True
        self._arrived.set()

    async def events(self) -> AsyncGenerator[PageEvent, None]:
        """Yield events until closed."""
        while True:
            while self._waiting and not self._is_closed:
                yield self._waiting.popleft()
            if self._is_closed:
                return
            self._arrived.clear()
            await self._arrived.wait()


class Listeners:
    """All listeners by place, the drafts under way, and notices that nobody has heard."""

    def __init__(self) -> None:
        self._listeners: dict[Place, list[Listener]] = {}
        self._drafts: dict[Place, PageEvent] = {}
        self._unheard: dict[Place, list[PageEvent]] = {}
        self._is_closed = False

    @contextmanager
    def listen(self, place: Place, *, is_busy: bool) -> Iterator[Listener]:
        """Hear of a place, at first of what goes on there. Raises `ApiError` where too many listen."""
        here = self._listeners.get(place, [])
        if self._is_closed or len(here) >= MAX_OF_PLACE or self._count() >= MAX_LISTENERS:
            message = "Too many pages listen here: close one of them."
            raise ApiError(429, message, code="too_many_listeners")
        listener = Listener()
        self._listeners.setdefault(place, []).append(listener)
        listener.put(PageEvent("busy", {"busy": is_busy}))
        for event in (*self._unheard.pop(place, ()), *filter(None, [self._drafts.get(place)])):
            listener.put(event)
        try:
            yield listener
        finally:
            self._listeners[place].remove(listener)
            if not self._listeners[place]:
                del self._listeners[place]

    def tell(self, place: Place, name: str, **body: object) -> None:
        """Tell all listeners of a place."""
        event = PageEvent(name, body)
        if name == "draft":
            self._drafts[place] = event
        elif name in ("message", "busy"):
            self._drafts.pop(place, None)
        listeners = self._listeners.get(place, [])
        if name == "notice" and not listeners:
            self._unheard[place] = [*self._unheard.get(place, []), event][-_MAX_NOTICES:]
        for listener in listeners:
            listener.put(event)

    def forget(self, place: Place) -> None:
        """End what is known of a place that is erased."""
        self._drafts.pop(place, None)
        self._unheard.pop(place, None)
        for listener in self._listeners.get(place, []):
            listener.close()

    def close(self) -> None:
        """End all listeners, and let nobody listen any more."""
        self._is_closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()

    def _count(self) -> int:
        return sum(map(len, self._listeners.values()))
