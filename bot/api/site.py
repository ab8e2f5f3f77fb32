"""A site beside the API on the same socket: pages for people, of which the API knows the addresses alone."""

from collections.abc import Mapping
from typing import Protocol

from aiohttp import web


class Site(Protocol):
    """Pages on the API's socket. Host and Origin of each request are checked before the site sees it."""

    def owns(self, path: str) -> bool:
        """Return whether an address is the site's."""

    def headers(self, path: str) -> Mapping[str, str]:
        """Return the headers of every response at an address, as far as the response has none of its own."""

    async def open(self) -> None:
        """Begin to serve; called once, while the server starts."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Return the response to a request. Raises `ApiError`, or another error before the response."""

    def stop_intake(self) -> None:
        """End all streams, and begin no more."""
