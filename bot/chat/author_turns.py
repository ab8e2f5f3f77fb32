"""Turns of people: whoever writes in many places at once slows nobody else down."""

import asyncio
from collections import Counter, OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

REPLIES_TO_ONE = 4  # being made for one person, over all places


class AuthorTurns:
    """Lends turns to the people who wait for a reply, by their ids."""

    def __init__(self, most: int = REPLIES_TO_ONE) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()
        self._waiting: defaultdict[str, OrderedDict[asyncio.Event, None]] = defaultdict(OrderedDict)

    def is_free(self, author: str) -> bool:
        """Return whether a reply to this person may begin now."""
        return self._taken[author] < self._most

    @asynccontextmanager
    async def turn(
        self, waiting: Callable[[], Sequence[str]], changed: asyncio.Event
    ) -> AsyncIterator[str | None]:
        """Wait until a reply to one of the people `waiting` may begin, and hold a turn of the first of them.

        Gives the person's id; None where nobody waits. `changed` is to be set when others wait than before.
        """
        author = await self._acquire(waiting, changed)
        try:
            yield author
        finally:
            if author is not None:
                self._release(author)

    async def _acquire(self, waiting: Callable[[], Sequence[str]], changed: asyncio.Event) -> str | None:
        while people := waiting():
            changed.clear()
            free = next(filter(self.is_free, people), None)
            if free is not None:
                self._taken[free] += 1
                return free
            await self._wait(people, changed)
        return None

    async def _wait(self, people: Sequence[str], changed: asyncio.Event) -> None:
        """Return when one of these people has a turn, or when others wait."""
        for author in people:
            self._waiting[author][changed] = None
        try:
            await changed.wait()
        finally:
            for author in people:
                del self._waiting[author][changed]
            asyncio.get_running_loop().call_soon(self._wake, people)  # a turn that this place does not take

    def _release(self, author: str) -> None:
        self._taken[author] -= 1
        if not self._taken[author]:
            del self._taken[author]
        self._wake([author])

    def _wake(self, people: Sequence[str]) -> None:
        """Let the place that has waited longest for one of these people look again."""
        for author in people:
            if not self._waiting[author]:
                del self._waiting[author]
            elif self.is_free(author):
                next(iter(self._waiting[author])).set()
