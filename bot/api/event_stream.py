"""Server-sent events: a client that stops reading is left, and one that waits sees that the server lives."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from bot.api.errors import ApiError, json_dumps

PING_SECONDS = 15.0  # of silence, after which a comment says that the server lives
WRITE_SECONDS = 60.0  # in which a client must read on
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would hold the words back
}
Item = TypeVar("Item")


class ClientLeft(Exception):
    """The client of a stream is gone, or does not read."""


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """Seconds between two comments while a client waits, and seconds in which it must read on."""

    ping: float = PING_SECONDS
    write: float = WRITE_SECONDS


class EventStream:
    """A response of events without ids, which some clients cannot read beside comments."""

    def __init__(self, request: web.Request, write_seconds: float) -> None:
        self._request, self._write_seconds = request, write_seconds
        self.response = web.StreamResponse(headers=_HEADERS)

    async def open(self) -> None:
        """Send the head of the response, once."""
        if not self.response.prepared:
            await self._in_time(self.response.prepare(self._request))

    async def send(self, body: object) -> None:
        """Send an object of JSON. Raises `ClientLeft`."""
        await self._write(f"data: {json_dumps(body)}\n\n")

    async def tell(self, name: str, body: object) -> None:
        """Send an event with a name and an object of JSON. Raises `ClientLeft`."""
        await self._write(f"event: {name}\ndata: {json_dumps(body)}\n\n")

    async def ping(self) -> None:
        """Send a comment."""
        await self._write(": ping\n\n")

    async def end(self) -> None:
        """Send the mark of the end, and end the response."""
        await self._write("data: [DONE]\n\n")
        await self._in_time(self.response.write_eof())

    async def fail(self, error: ApiError) -> None:
        """Send an error, and end the response."""
        await self.send(error.body())
        await self._in_time(self.response.write_eof())

    async def _write(self, text: str) -> None:
        await self.open()
        await self._in_time(self.response.write(text.encode()))

    async def _in_time(self, writing: Awaitable[object]) -> None:
        """Wait until something is written, the end too, no longer than a client may take to read on."""
        try:
            async with asyncio.timeout(self._write_seconds):
                await writing
        except TimeoutError:
            if self._request.transport:
                self._request.transport.abort()
            raise ClientLeft from None
        except ConnectionError:
            raise ClientLeft from None


async def with_pauses(items: AsyncGenerator[Item, None], seconds: float) -> AsyncGenerator[Item | None, None]:
    """Yield the items, and None whenever so many seconds pass without one; closes the items in the end."""
    async with aclosing(items):
        coming = asyncio.ensure_future(anext(items, _END))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=seconds)
                if not done:
                    yield None
                    continue
                item = coming.result()
                if item is _END:
                    return
                coming = asyncio.ensure_future(anext(items, _END))
                yield item  # type: ignore[misc]
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


_END = object()
