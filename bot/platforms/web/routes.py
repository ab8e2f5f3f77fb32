"""The table of the site's addresses; each part of the site adds its own."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.api.errors import ApiError

Handler = Callable[[web.Request, Mapping[str, str]], Awaitable[web.StreamResponse]]
JSON = "application/json"
_LONGEST_SHOWN = 200  # characters of an address in an error


@dataclass(frozen=True, slots=True)
class SiteRoute:
    """A method at an address, and its handler, which gets the values of the address's named segments.

    An `is_open` route is answered without a login. A change `takes` a body of that media type alone, which
    no form of another site can send.
    """

    method: str
    segments: tuple[str, ...]
    handler: Handler
    is_open: bool
    takes: str = JSON

    @property
    def changes(self) -> bool:
        """Return whether the route changes anything."""
        return self.method not in ("GET", "HEAD")

    def match(self, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        """Return the values of the named segments; None where the address is another one."""
        if len(segments) != len(self.segments):
            return None
        values = dict[str, str]()
        for own, given in zip(self.segments, segments, strict=True):
            if own.startswith("{"):
                values[own[1:-1]] = given
            elif own != given:
                return None
        return values if all(values.values()) else None


class RouteTable:
    """Routes by address, such as `/page/pictures/{key}`: a named segment takes one segment, never a slash."""

    def __init__(self) -> None:
        self._routes: list[SiteRoute] = []

    def add(
        self, method: str, path: str, handler: Handler, *, is_open: bool = False, takes: str = JSON
    ) -> None:
        """Add a route; the first one that fits an address has it."""
        self._routes.append(SiteRoute(method, _segments(path), handler, is_open, takes))

    def find(self, method: str, path: str) -> tuple[SiteRoute, Mapping[str, str]]:
        """Return the route of a request, and the values in its address. Raises `ApiError` where none fits."""
        segments = _segments(path)
        fitting = [(each, values) for each in self._routes if (values := each.match(segments)) is not None]
        wanted = "GET" if method == "HEAD" else method
        for route, values in fitting:
            if route.method == wanted:
                return route, values
        if fitting:
            raise _method_not_allowed(method, [route.method for route, _ in fitting])
        raise ApiError(404, f"There is nothing at {path[:_LONGEST_SHOWN]!r} of the page.", code="unknown_url")


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")[1:])


def _method_not_allowed(method: str, known: list[str]) -> ApiError:
    allowed = ", ".join(dict.fromkeys(known))
    message = f"This address takes {allowed}, not {method[:20]}."
    return ApiError(405, message, code="method_not_allowed", headers={"Allow": allowed})
