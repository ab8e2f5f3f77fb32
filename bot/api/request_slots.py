"""The number of requests at once, running and waiting: one too many is refused."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.api.errors import ApiError


class RequestSlots:
    """Counts requests that generate or wait to."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a slot. Raises `ApiError` where none is free."""
        if self._taken >= self._most:
            message = f"{self._most:,} requests are being answered already: ask again in a moment."
            raise ApiError(429, message, code="rate_limit_exceeded", kind="rate_limit_error")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
