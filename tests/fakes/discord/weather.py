"""Faults of the gateway in a test: repeats, closings, resets and storms."""

from collections.abc import Callable

from tests.fakes.discord.connection import Connection
from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.world import Channel, Guild, Json


class Weather:
    """The part of the server's door through which tests trouble the gateway."""

    hub: Gateway

    async def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        raise NotImplementedError

    async def ready(self, seconds: float = 30.0) -> None:
        """Wait until a session is connected."""
        await self.until(self._connected, seconds)

    def _connected(self) -> list[Connection]:
        return [one for one in self.hub.open if one.session]

    def emit(self, event: str, data: Json, where: Channel | Guild | None = None) -> None:
        """Tell the sessions anything."""
        self.hub.emit(event, data, where)

    def repeat(self, event: str = "MESSAGE_CREATE", times: int = 1) -> None:
        """Send the last event of this name again, under its old sequence number."""
        for session in self.hub.sessions:
            session.repeat(event, times)

    def close_gateway(self, code: int = 4000) -> None:
        for connection in self.hub.open:
            connection.close(code)

    def abort_gateway(self) -> None:
        """Reset the gateway's connections."""
        for connection in self.hub.open:
            connection.abort()

    def reconnect(self) -> None:
        """Op 7: the client is to come back and resume."""
        self._push({"op": 7, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9: the session is over, unless it is resumable."""
        self._push({"op": 9, "d": resumable})
        if not resumable:
            self.hub.sessions.clear()

    def ask_heartbeat(self) -> None:
        """Op 1: the client is to send a heartbeat now."""
        self._push({"op": 1, "d": None})

    def _push(self, frame: Json) -> None:
        for connection in self.hub.open:
            connection.push(frame)

    async def storm(self, count: int, code: int = 4000) -> None:
        """Close the gateway so many times, each time as soon as a session is connected again."""
        for _ in range(count):
            await self.ready()
            before = self._connected()
            self.close_gateway(code)
            await self.until(lambda gone=tuple(before): not set(gone) & set(self._connected()))  # type: ignore[misc]
        await self.ready()
