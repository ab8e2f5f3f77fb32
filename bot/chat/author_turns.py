"""The bound of replies to one person: whoever writes in twenty places at once slows nobody else down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

REPLIES_TO_ONE = 4  # made at once to one person alone, over all places


class AuthorTurns:
    """Lends the turns of each person whom replies are to alone; a reply to several people needs none."""

    def __init__(self, replies: int = REPLIES_TO_ONE) -> None:
        self._replies = replies
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, author: Callable[[], str | None], changed: asyncio.Event) -> AsyncIterator[None]:
        """Hold a turn of the person that `author` returns; hold none once it returns None.

        The person is asked for again whenever `changed` is set while all turns are taken.
        """
        turns = await self._acquire(author, changed)
        try:
            yield
        finally:
            if turns:
                turns.release()

    async def _acquire(
        self, author: Callable[[], str | None], changed: asyncio.Event
    ) -> asyncio.Semaphore | None:
        while (person := author()) is not None:
            turns = self._turns.setdefault(person, asyncio.Semaphore(self._replies))
            changed.clear()
            if await _comes_first(turns, changed):
                return turns
        return None


async def _comes_first(turns: asyncio.Semaphore, changed: asyncio.Event) -> bool:
    """Return True with a turn taken, or False once `changed` is set."""
    if not turns.locked():
        return await turns.acquire()
    acquiring, changing = asyncio.create_task(turns.acquire()), asyncio.create_task(changed.wait())
    try:
        await asyncio.wait([acquiring, changing], return_when=asyncio.FIRST_COMPLETED)
        return acquiring.done()
    finally:
        acquiring.cancel()
        changing.cancel()
