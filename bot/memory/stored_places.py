"""The stored places with their messages, for the owner: one method a transaction."""

from bot.memory.lifecycle import MemoryLifecycle
from bot.memory.queries import pages
from bot.memory.queries.pages import PagedMessage, Position
from bot.message import Place


class StoredPlaces(MemoryLifecycle):
    """Places and pages of their messages. Raises `UserError` as every method of memory does."""

    async def known_place(self, place: Place) -> Place | None:
        """Return a stored place with its server; None where nothing is stored of it."""
        return await self._database.run(lambda inside: pages.known_place(inside, place))

    async def page(
        self, place: Place, *, before: Position | None = None, limit: int = 50
    ) -> tuple[PagedMessage, ...]:
        """Return the newest messages before a position, newest first, also those from before a reset."""
        return await self._database.run(lambda inside: pages.read_page(inside, place, before, limit))
