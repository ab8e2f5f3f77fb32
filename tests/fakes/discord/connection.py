"""One websocket of the gateway: frames in and out, compressed or not, and its end."""

import asyncio
import json
import socket
import struct
import time
import zlib
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.discord.session import Session
from tests.fakes.discord.world import Json

LARGEST = 4096
"""Bytes a client may send in one frame."""


class Closed(Exception):
    """The server ends the connection with this code."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Connection:
    """`received` has (op, data, monotonic seconds) of every frame from the client."""

    def __init__(self, path: str, *, compress: bool) -> None:
        self.path, self.compress = path, compress
        self.since = time.monotonic()
        self.received: list[tuple[int, Any, float]] = []
        self.session: Session | None = None
        self.close_code: int | None = None
        self._zlib = zlib.compressobj()
        self._out: asyncio.Queue[str | Closed] = asyncio.Queue()
        self._socket = web.WebSocketResponse(max_msg_size=0, compress=False, timeout=1)
        self._http: web.Request | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def socket(self) -> web.WebSocketResponse:
        return self._socket

    async def open(self, http: web.Request) -> None:
        self._http = http
        await self._socket.prepare(http)
        self._writer = asyncio.create_task(self._write())

    def push(self, frame: str | Json) -> None:
        """Send soon, in order."""
        self._out.put_nowait(frame if isinstance(frame, str) else json.dumps(frame))

    def close(self, code: int, reason: str = "") -> None:
        """End the connection behind everything that was pushed before; its session can still be resumed."""
        self._out.put_nowait(Closed(code, reason))

    def abort(self) -> None:
        """End the connection with RST and without a closing handshake."""
        if self._http is not None and self._http.transport is not None:
            raw = self._http.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._http.transport.abort()

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while not isinstance(frame := await self._out.get(), Closed):
                await self._send(frame)
            self.close_code = frame.code
            await self._socket.close(code=frame.code, message=frame.reason.encode())

    async def _send(self, frame: str) -> None:
        if not self.compress:
            await self._socket.send_str(frame)
            return
        data = self._zlib.compress(frame.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
        await self._socket.send_bytes(data)

    async def receive(self) -> Json | None:
        """The next frame; None at the end. Closed with 4002 for what is no payload or too large."""
        message = await self._socket.receive()
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return None
        size = len(message.data.encode() if isinstance(message.data, str) else message.data)
        if size > LARGEST:
            raise Closed(4002, "Error while decoding payload.")
        try:
            frame = json.loads(message.data)
            self.received.append((frame["op"], frame.get("d"), time.monotonic()))
        except (ValueError, KeyError, TypeError):
            raise Closed(4002, "Error while decoding payload.") from None
        found: Json = frame
        return found

    async def end(self) -> None:
        if self.close_code is None:
            self.close_code = self._socket.close_code
        if self._writer:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
