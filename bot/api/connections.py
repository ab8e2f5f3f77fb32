"""Connections of the server: one that is slow to send its request is closed, and so is one too many."""

import asyncio
from collections.abc import Callable

from aiohttp import web

MAX_CONNECTIONS = 512
IDLE_SECONDS = 60.0  # for a whole head of a request, to read a whole answer, and between two requests
_INTERVAL = 1.0  # seconds between two looks


class Connections:
    """Watches the connections of a server; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float], idle_seconds: float = IDLE_SECONDS) -> None:
        self._clock, self._idle_seconds = clock, idle_seconds
        self._idle_since: dict[object, float] = {}
        self._busy: set[object] = set()

    def begin(self, request: web.BaseRequest) -> None:
        """Note that a request's head has arrived."""
        self._busy.add(request.protocol)
        self._idle_since.pop(request.protocol, None)

    def end(self, request: web.BaseRequest) -> None:
        """Note that a request was answered."""
        self._busy.discard(request.protocol)

    async def watch(self, server: web.Server) -> None:
        """Close idle connections, and those beyond the most, until cancelled."""
        while True:
            await asyncio.sleep(min(_INTERVAL, self._idle_seconds / 4))
            self.close_idle(server)

    def close_idle(self, server: web.Server) -> None:
        """Close the connections that are idle for too long, and the latest of too many."""
        now, idle = self._clock(), [each for each in server.connections if each not in self._busy]
        self._idle_since = {each: self._idle_since.get(each, now) for each in idle}
        for connection in idle:
            if now - self._idle_since[connection] > self._idle_seconds:
                _abort(connection)
        for connection in idle[::-1][: max(0, len(server.connections) - MAX_CONNECTIONS)]:
            _abort(connection)


def _abort(connection: web.RequestHandler) -> None:
    """Close a connection at once; its client may never read what it was sent, which a mere end waits for."""
    transport = connection.transport
    connection.force_close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
