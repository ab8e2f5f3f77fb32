"""Trouble on demand: what happens to a route's next requests instead of, before or after the right answer."""

import asyncio
import fnmatch
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.fakes.discord.limits import too_many
from tests.fakes.discord.request import Json, Reply, Request

Serve = Callable[[], Awaitable[Reply]]
Fault = Callable[[Request, Serve], Awaitable[Reply]]


class HangUp(Exception):
    """The connection is to be reset instead of answered."""


def answer(
    status: int, body: Json | str | None = None, headers: dict[str, str] | None = None, *, after: bool = False
) -> Fault:
    """Answer this; with `after`, do what was asked first. A text body goes out as HTML, as from a proxy."""

    async def fault(request: Request, serve: Serve) -> Reply:
        if after:
            await serve()
        default: Json | str = {"message": str(status), "code": 0}
        return Reply(status, default if body is None else body, headers or {})

    return fault


def limited(retry_after: float, scope: str = "user", *, via: bool = True) -> Fault:
    """429 once."""

    async def fault(request: Request, serve: Serve) -> Reply:
        return too_many(retry_after, scope, via=via)

    return fault


def reset(*, after: bool = True) -> Fault:
    """Reset the connection; with `after`, once what was asked is done."""

    async def fault(request: Request, serve: Serve) -> Reply:
        if after:
            await serve()
        raise HangUp

    return fault


def stall(seconds: float, *, after: bool = False) -> Fault:
    """Answer rightly, but late; with `after`, the deed is done before the wait."""

    async def fault(request: Request, serve: Serve) -> Reply:
        if not after:
            await asyncio.sleep(seconds)
            return await serve()
        reply = await serve()
        await asyncio.sleep(seconds)
        return reply

    return fault


def call(callback: Callable[[Request], object], *, before: bool = False) -> Fault:
    """Do what was asked and call the test (a function, async or not) before anything is answered."""

    async def fault(request: Request, serve: Serve) -> Reply:
        reply = None if before else await serve()
        result = callback(request)
        if inspect.isawaitable(result):
            await result
        return await serve() if reply is None else reply

    return fault


async def fine(request: Request, serve: Serve) -> Reply:
    """No fault: a placeholder in a script."""
    return await serve()


@dataclass(slots=True)
class _Script:
    pattern: str
    faults: list[Fault]


@dataclass(slots=True)
class Faults:
    """Scripts for patterns as `POST /channels/*/messages`; every request that fits takes the next fault."""

    scripts: list[_Script] = field(default_factory=list)

    def script(self, pattern: str, *faults: Fault, times: int = 1) -> None:
        self.scripts.append(_Script(pattern, list(faults) * times))

    def clear(self) -> None:
        self.scripts.clear()

    def take(self, request: Request) -> Fault:
        for script in self.scripts:
            if script.faults and fnmatch.fnmatchcase(request.line, script.pattern):
                return script.faults.pop(0)
        return fine
