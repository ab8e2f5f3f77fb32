"""The server of the API: a socket, the checks before each request, and the end in order."""

import asyncio
import logging
import socket
import time
from types import TracebackType
from typing import Self

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from bot.api.backend import Backend
from bot.api.connections import Connections
from bot.api.errors import ApiError, internal
from bot.api.event_stream import StreamTimes
from bot.api.handlers import Handlers
from bot.api.http_log import http_logger
from bot.api.outcome import Outcome
from bot.api.request_slots import RequestSlots
from bot.api.routes import OPEN, find_route
from bot.api.security import Guard, is_owner
from bot.api.site import Site
from bot.errors import UserError
from bot.system.console import write_line

log = logging.getLogger(__name__)

SITE = "page"  # in place of a route, in the count of requests
_SECONDS_TO_END = 1.0  # that requests under way have, once they were cancelled


class ApiServer:
    """The API on a socket that listens, as a platform that the host runs."""

    def __init__(
        self,
        backend: Backend,
        listener: socket.socket,
        times: StreamTimes | None = None,
        connections: Connections | None = None,
        site: Site | None = None,
    ) -> None:
        """`site` are pages on the same socket; without one there is the API alone."""
        self._site = site
        self._backend, self._listener, self._metrics = backend, listener, backend.metrics
        settings = backend.settings
        self._guard = Guard(settings.serve, settings.api_key)
        slots, created = RequestSlots(settings.serve.requests), int(backend.clock())
        self._handlers = Handlers(backend, slots, created, times or StreamTimes())
        self._connections = connections or Connections(time.monotonic)
        app = web.Application(middlewares=[_shape_not_found])
        app.router.add_route("*", "/{path:.*}", self._answer, expect_handler=_meet_expectation)
        app.on_response_prepare.append(self._add_headers)
        self._runner = web.AppRunner(
            app,
            access_log=None,  # it has words of clients
            logger=http_logger(),
            auto_decompress=False,  # bodies of refused requests would be decompressed too
            handler_cancellation=True,  # a client that leaves cancels its request
            shutdown_timeout=_SECONDS_TO_END,
        )

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()
        assert isinstance(self._runner.server, web.Server)
        watched = self._connections.watch(self._runner.server), self._metrics.loop_lag.watch()
        self._watches = [asyncio.create_task(each) for each in watched]
        if self._guard.settings.hosts and not self._guard.key:
            log.warning("api_without_key", extra={"hosts": ", ".join(self._guard.settings.hosts)})
        if self._site:
            await self._site.open()
            write_line(f"The page is at {self.url.removesuffix('v1')}")
        write_line(f"The API is at {self.url}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_intake()
        for watch in self._watches:
            watch.cancel()
        await self._runner.cleanup()
        self._metrics.close()
        self._backend.prompts.close()

    @property
    def url(self) -> str:
        """The address that clients are given."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"

    async def run(self) -> None:
        """Serve until cancelled."""
        await asyncio.Event().wait()

    def stop_intake(self) -> None:
        """End all answers, and begin no more."""
        if self._site:
            self._site.stop_intake()
        self._backend.cancel_all()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        outcome = Outcome(lambda error: self._api_error(error, request))
        self._connections.begin(request)
        try:
            response = await self._checked(request, outcome)
            outcome.end(response.status)
            return response
        except Exception as error:
            return outcome.fail(error).response()
        finally:
            self._connections.end(request)
            self._metrics.requests.count(outcome.route, outcome.status)

    async def _checked(self, request: web.Request, outcome: Outcome) -> web.StreamResponse:
        guard = self._guard
        guard.check_host(request)
        guard.check_origin(request)
        if site := self._site_of(request):
            outcome.route = SITE
            return await site.answer(request)
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": find_route(request.path).allowed})
        route = find_route(request.path)
        outcome.route = route.name
        if route.name not in OPEN:
            guard.check_key(request)
        route.check_method(request.method)
        return await self._handlers.handle(request, route, outcome)

    def _site_of(self, request: web.Request) -> Site | None:
        return self._site if self._site and self._site.owns(request.path) else None

    def _api_error(self, error: Exception, request: web.Request) -> ApiError:
        """Return the error that a client reads in place of an exception."""
        if isinstance(error, ApiError):
            return error
        if isinstance(error, UserError):
            log.warning("request_failed", extra={"reason": str(error)})
            # nginx says nothing of itself unless it is told to; a key stands before whoever comes through it
            is_for_owner = is_owner(request) and not self._guard.key
            return self._backend.api_error(error, for_owner=is_for_owner)
        log.error("request_crashed", exc_info=error)
        return internal()

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        if site := self._site_of(request):
            for name, value in site.headers(request.path).items():
                response.headers.setdefault(name, value)
            return
        response.headers.update(self._guard.cors_headers(request))
        response.headers["X-Content-Type-Options"] = "nosniff"


@web.middleware
async def _shape_not_found(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer requests for what is no path, such as `*`, which no route can have."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return ApiError(404, "There is nothing at this address.", code="unknown_url").response()


async def _meet_expectation(request: web.Request) -> web.Response | None:
    """Ask for the body where the client waits to be asked; refuse to do anything else first."""
    if request.headers["Expect"].lower() != "100-continue":
        return ApiError(417, "Only `Expect: 100-continue` can be met.", code="unknown_expectation").response()
    if request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # as before the response
    return None
