"""Responses of the owner's page, and the values that its addresses and bodies name."""

from aiohttp import web

from bot.api.errors import ApiError, json_dumps
from bot.memory.store import Memory
from bot.message import Place, find_place

MAX_NAME = 1_000  # characters of a place's name


def json_reply(value: object) -> web.Response:
    """Return a value as a response."""
    return web.json_response(value, dumps=json_dumps)


async def stored_place(memory: Memory, name: str) -> Place:
    """Return the stored place of that name. Raises `ApiError` where nothing is stored of it."""
    found = await memory.known_place(find_place(name)) if 0 < len(name) <= MAX_NAME else None
    if found is None or str(found) != name:
        raise ApiError(404, "Nothing is remembered of this place.", "place", "unknown_place")
    return found
