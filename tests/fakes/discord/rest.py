"""The HTTP side: finds the route, applies faults, token and limits, and notes what was asked and answered."""

import re
import socket
import struct
import time
from collections.abc import Callable
from secrets import token_hex

from aiohttp import web

from tests.fakes.discord import (
    routes_account,
    routes_interactions,
    routes_messages,
    routes_places,
    routes_webhooks,
)
from tests.fakes.discord.faults import Faults, HangUp
from tests.fakes.discord.limits import Limits, bucket_name, too_many
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.refusal import Refusal, unauthorized
from tests.fakes.discord.request import Reply, Request, read
from tests.fakes.discord.spec import Spec

Act = Callable[[Platform, Request], Reply]
PREFIX = "/api/v10"
_OPEN = ("/webhooks/{webhook_id}/{webhook_token}", "/interactions/")
"""Routes whose token is in their path."""


def _table() -> list[tuple[str, str, re.Pattern[str], Act]]:
    """Method, template, pattern and act of every route; those with more fixed words first."""
    found = []
    for module in (routes_account, routes_messages, routes_webhooks, routes_interactions, routes_places):
        for line, act in module.ROUTES.items():
            method, template = line.split(" ")
            pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))
            found.append((method, template, pattern, act))
    return sorted(found, key=lambda row: row[1].count("{"))


class Rest:
    """`requests` has every call in order, `unknown` those that no route fits or that broke one."""

    def __init__(self, platform: Platform, spec: Spec | None, changed: Callable[[], None]) -> None:
        self.platform, self.spec, self.token = platform, spec, new_token()
        self.faults, self.limits = Faults(), Limits()
        self.requests: list[Request] = []
        self.unknown: list[str] = []
        self._routes, self._changed = _table(), changed

    async def respond(self, http: web.Request) -> web.StreamResponse:
        request = await read(http, http.path.removeprefix(PREFIX))
        act = self._match(request)
        self.requests.append(request)
        self._changed()

        async def serve() -> Reply:
            return self._serve(request, act)

        try:
            reply = await self.faults.take(request)(request, serve)
        except HangUp:
            _reset(http)
            return self._note(request, -1, Reply())
        except Exception as error:
            self.unknown.append(f"{request.line}: {error!r}")
            raise
        return self._note(request, reply.status, reply)

    def _note(self, request: Request, status: int, reply: Reply) -> web.Response:
        request.status, request.answered = status, time.monotonic()
        self._changed()
        return reply.response()

    def _match(self, request: Request) -> Act | None:
        for method, template, pattern, act in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                request.template, request.parameters = template, match.groupdict()
                return act
        self.unknown.append(request.line)
        return None

    def _serve(self, request: Request, act: Act | None) -> Reply:
        """The right answer, were there no faults."""
        bucket = self.limits.bucket(request) if act else None
        headers = {}
        if bucket:
            granted = bucket.take()
            headers = bucket.headers(bucket_name(request))
            if not granted:
                reply = too_many(float(headers["X-RateLimit-Reset-After"]))
                return Reply(429, reply.body, headers | reply.headers)
        reply = self._act(request, act)
        if self.spec and act:
            self.spec.check(request, reply)
        return Reply(reply.status, reply.body, headers)

    def _act(self, request: Request, act: Act | None) -> Reply:
        try:
            if act is None:
                raise Refusal(0, status=404, message="404: Not Found")
            is_open = request.template.startswith(_OPEN)
            if not is_open and request.authorization != f"Bot {self.token}":
                raise unauthorized()
            return act(self.platform, request)
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body)

    async def file(self, http: web.Request) -> web.StreamResponse:
        """The CDN: pictures and attachments that were uploaded."""
        self.platform.downloads.append(http.match_info["path"])
        file = self.platform.files.get(http.match_info["path"])
        if file is None:
            return web.Response(status=404)
        return web.Response(body=file.data, headers={"Content-Type": file.kind or "application/octet-stream"})


def _reset(http: web.Request) -> None:
    """Close with RST, so that the client sees a reset and no end of stream."""
    if http.transport is None:
        return
    raw = http.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    http.transport.abort()


def new_token() -> str:
    """A token as Discord makes them; every server has its own, so that several can be used at once."""
    return f"MTIzNDU2Nzg5MDEyMzQ1Njc4.Fakeit.{token_hex(14)}"
