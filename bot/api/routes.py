"""Routes of the API: clients write `/v1`, `/v1/v1` or neither, double slashes, and slashes at the end."""

import re
from dataclasses import dataclass
from typing import Literal

from bot.api.errors import ApiError

RouteName = Literal["models", "model", "chat", "completions", "tokenize", "health", "ready", "metrics"]
_ROUTES: dict[str, tuple[RouteName, str]] = {
    "models": ("models", "GET"),
    "chat/completions": ("chat", "POST"),
    "completions": ("completions", "POST"),
    "tokenize": ("tokenize", "POST"),
    "health": ("health", "GET"),
    "ready": ("ready", "GET"),
    "metrics": ("metrics", "GET"),
}
OPEN = ("health", "ready")  # to everybody, without the key


@dataclass(frozen=True, slots=True)
class Route:
    """A route, its method, and the model's id in its path."""

    name: RouteName
    method: Literal["GET", "POST"] | str
    model: str = ""

    @property
    def allowed(self) -> str:
        """The methods that the route takes, as a header names them."""
        return f"{'GET, HEAD' if self.method == 'GET' else self.method}, OPTIONS"

    def check_method(self, method: str) -> None:
        """Raise `ApiError` for a method that the route does not take."""
        if method not in self.allowed.split(", "):
            message = f"This address takes {self.allowed}, not {method[:20]}."
            raise ApiError(405, message, code="method_not_allowed", headers={"Allow": self.allowed})


def find_route(path: str) -> Route:
    """Return the route of a path. Raises `ApiError` where there is none."""
    bare = re.sub(r"/+", "/", path).strip("/")
    while bare == "v1" or bare.startswith("v1/"):
        bare = bare[2:].lstrip("/")
    if bare in _ROUTES:
        return Route(*_ROUTES[bare])
    if bare.startswith("models/"):
        return Route("model", "GET", bare.removeprefix("models/"))
    message = f"There is nothing at {path[:200]!r}: docs/api.md names the addresses, such as /v1/models."
    raise ApiError(404, message, code="unknown_url")
