"""Faults of a call, as answers that a test scripts beforehand."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from tests.fakes.telegram.refusal import Json, Refusal

Check = Callable[[Json], bool]
HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """Maybe do what was asked for, then call the test back, wait, and answer something else or nothing.

    do: whether the call takes effect; call: a function of the call's arguments, sync or async;
    seconds: the wait before the answer; body None: the true answer; reset: RST in place of an answer.
    """

    do: bool = True
    call: Callable[[Json], Awaitable[None] | None] | None = None
    seconds: float = 0.0
    status: int = 200
    body: str | None = None
    kind: str = "application/json"
    reset: bool = False

    async def respond(self, request: web.Request, said: web.Response, arguments: Json) -> web.StreamResponse:
        """Answer in place of the real answer."""
        if self.call and (waiting := self.call(arguments)):
            await waiting
        await asyncio.sleep(self.seconds)
        if self.reset:
            tear(request)
        if self.body is None:
            return said
        return web.Response(status=self.status, text=self.body, content_type=self.kind)


def tear(request: web.Request) -> None:
    """Close the connection with RST."""
    if request.transport:
        held = request.transport.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


def answer(result: object) -> Fault:
    """Answer this result without doing anything."""
    return Fault(do=False, body=json.dumps({"ok": True, "result": result}))


def refuse(code: int, reason: str, *, do: bool = False, **parameters: int) -> Fault:
    """Refuse in the Bot API's form; the reason comes without its prefix ("Bad Request: " and so on)."""
    return Fault(do=do, status=code, body=json.dumps(Refusal(code, reason, **parameters).body()))


def too_many(seconds: int) -> Fault:
    return refuse(429, f"retry after {seconds}", retry_after=seconds)


def unauthorized() -> Fault:
    return refuse(401, "Unauthorized")


def conflict() -> Fault:
    return refuse(
        409, "terminated by other getUpdates request; make sure that only one bot instance is running"
    )


def bad_gateway(*, do: bool = True) -> Fault:
    """An HTML page with status 502 from something in between."""
    return Fault(do=do, status=502, body=HTML_502, kind="text/html")


def garbage(*, do: bool = True) -> Fault:
    """Status 200 with what is not JSON."""
    return Fault(do=do, body="<<not json>>")


def reset(*, do: bool = True) -> Fault:
    """Tear the connection down without a word."""
    return Fault(do=do, reset=True)


def stall(seconds: float, *, do: bool = True) -> Fault:
    """Answer so many seconds late."""
    return Fault(do=do, seconds=seconds)


def call_back(call: Callable[[Json], Awaitable[None] | None]) -> Fault:
    """Handle the call, then call the test with the arguments before the answer: the send window."""
    return Fault(call=call)


@dataclass
class Script:
    """The faults of one method: which calls they befall, and how often still (None: always)."""

    method: str
    fault: Fault
    times: int | None = 1
    when: Check | None = None

    def befalls(self, method: str, arguments: Json) -> bool:
        due = self.times is None or self.times > 0
        return due and method == self.method.lower() and (self.when is None or self.when(arguments))
