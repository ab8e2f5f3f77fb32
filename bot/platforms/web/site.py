"""The site on the API's socket: files for everybody, everything else behind the login."""

import logging
from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from bot.api.body import read_body
from bot.api.errors import ApiError
from bot.errors import RestartNeeded, UserError
from bot.platforms.web.assets import Assets
from bot.platforms.web.fields import LoginFields
from bot.platforms.web.routes import RouteTable
from bot.platforms.web.security import HEADERS, check_change, check_same_site
from bot.platforms.web.sessions import Sessions

log = logging.getLogger(__name__)


class SitePart(Protocol):
    """A part of the site with routes of its own."""

    def add_routes(self, routes: RouteTable) -> None:
        """Add the part's routes to the table."""

    async def open(self) -> None:
        """Begin to serve."""

    def stop_intake(self) -> None:
        """End all streams, and begin no more."""


class WebSite:
    """Implements `bot.api.site.Site` with the files of the page and the routes of its parts."""

    def __init__(self, assets: Assets, sessions: Sessions, *parts: SitePart) -> None:
        self._assets, self._sessions, self._parts = assets, sessions, parts
        self._routes = RouteTable()
        self._routes.add("POST", "/page/login", self._log_in, is_open=True)
        self._routes.add("POST", "/page/logout", self._log_out)
        for part in parts:
            part.add_routes(self._routes)

    def owns(self, path: str) -> bool:
        return self._assets.owns(path) or path == "/page" or path.startswith("/page/")

    def headers(self, path: str) -> Mapping[str, str]:
        return HEADERS

    async def open(self) -> None:
        for part in self._parts:
            await part.open()

    def stop_intake(self) -> None:
        for part in self._parts:
            part.stop_intake()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Return the response to a request; a refusal of the program is one of the request."""
        if self._assets.owns(request.path):
            return self._assets.answer(request)
        check_same_site(request)
        self._sessions.check_machine(request)
        route, values = self._routes.find(request.method, request.path)
        if not route.is_open:
            self._sessions.check(request)
        if route.changes:
            check_change(request, route.takes)
        try:
            return await route.handler(request, values)
        except UserError as error:
            is_fault = isinstance(error, RestartNeeded)
            status, code = (503, "unavailable") if is_fault else (400, "refused")
            raise ApiError(status, str(error), code=code) from error

    async def _log_in(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        fields = await read_body(request, LoginFields.read)
        return self._sessions.log_in(request, fields.key)

    async def _log_out(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        return self._sessions.log_out(request)
