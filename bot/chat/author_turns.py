"""Fair turns of people: whoever writes on and on, or in many places at once, slows nobody else down."""

import asyncio
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from bot.message import Place

REPLIES_TO_ONE = 4  # being made for one person, over all places
REPLIES_A_MINUTE = 10  # begun for one person in a place where others are answered too
_MINUTE = 60.0
_PLACES = 10_000  # whose last minute is known


class AuthorTurns:
    """Lends turns to the people who wait for a reply. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: Counter[str] = Counter()  # turns, by platform and person
        self._waiting: defaultdict[str, OrderedDict[asyncio.Event, None]] = defaultdict(OrderedDict)
        self._begun: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()  # when and to whom, by place

    def is_free(self, place: Place, author: str) -> bool:
        """Return whether a reply to this person may begin now."""
        return self._taken[_key(place, author)] < REPLIES_TO_ONE and not self._delay(place, author)

    @asynccontextmanager
    async def turn(
        self, place: Place, waiting: Callable[[], Sequence[str]], changed: asyncio.Event
    ) -> AsyncIterator[str | None]:
        """Wait until a reply to one of the people `waiting` may begin, and hold a turn of the first of them.

        Gives the person's id; None where nobody waits. `changed` is to be set when others wait than before.
        """
        author = await self._acquire(place, waiting, changed)
        try:
            yield author
        finally:
            if author is not None:
                self._release(_key(place, author))

    async def _acquire(
        self, place: Place, waiting: Callable[[], Sequence[str]], changed: asyncio.Event
    ) -> str | None:
        while people := waiting():
            changed.clear()
            free = next((author for author in people if self.is_free(place, author)), None)
            if free is not None:
                self._taken[_key(place, free)] += 1
                self._note(place, free)
                return free
            await self._wait(place, people, changed)
        return None

    async def _wait(self, place: Place, people: Sequence[str], changed: asyncio.Event) -> None:
        """Return when one of these people may be free, or when others wait."""
        keys = [key for author in people if self._taken[key := _key(place, author)] >= REPLIES_TO_ONE]
        soonest = min(filter(None, (self._delay(place, author) for author in people)), default=None)
        for key in keys:
            self._waiting[key][changed] = None
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), soonest)
        finally:
            for key in keys:
                del self._waiting[key][changed]
            asyncio.get_running_loop().call_soon(self._wake, keys)  # a turn that this place does not take

    def _release(self, key: str) -> None:
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]
        self._wake([key])

    def _wake(self, keys: Sequence[str]) -> None:
        """Let the place that has waited longest for one of these people look again."""
        for key in keys:
            if self._taken[key] < REPLIES_TO_ONE and self._waiting[key]:
                next(iter(self._waiting[key])).set()
            elif not self._waiting[key]:
                del self._waiting[key]

    def _delay(self, place: Place, author: str) -> float:
        """Return the seconds until the last minute of a place has room for another reply to this person."""
        begun = self._last_minute(str(place))
        own = [moment for moment, answered in begun if answered == author]
        if len(own) < REPLIES_A_MINUTE or len(own) == len(begun):
            return 0.0
        return own[-REPLIES_A_MINUTE] + _MINUTE - self._clock()

    def _last_minute(self, place: str) -> deque[tuple[float, str]]:
        begun = self._begun.get(place, deque())
        while begun and begun[0][0] <= self._clock() - _MINUTE:
            begun.popleft()
        return begun

    def _note(self, place: Place, author: str) -> None:
        """Note that a reply begins, and forget the places that have been quiet for a minute."""
        self._begun.setdefault(str(place), deque()).append((self._clock(), author))
        self._begun.move_to_end(str(place))
        while len(self._begun) > _PLACES or not self._last_minute(next(iter(self._begun))):
            self._begun.popitem(last=False)


def _key(place: Place, author: str) -> str:
    return f"{place.platform}/{author}"
