"""The outcome of a request, for its count."""

from collections.abc import Callable

from bot.api.errors import ApiError

OTHER = "other"  # in place of a route: no address of the API, or refused before it was looked up
LEFT = "left"  # in place of a status: the client left before it had the whole response


class Outcome:
    """The route of a request, and the class of the status that its client read, also amid a stream.

    `error_of` returns the error that the client reads in place of an exception.
    """

    def __init__(self, error_of: Callable[[Exception], ApiError]) -> None:
        self._error_of, self._status = error_of, ""
        self.route: str = OTHER

    @property
    def status(self) -> str:
        """The class of the status, such as "2xx"; `LEFT` where there was no whole response."""
        return self._status or LEFT

    def end(self, status: int) -> None:
        """Note the status of a response, unless another end was noted."""
        self._status = self._status or _class_of(status)

    def fail(self, error: Exception) -> ApiError:
        """Note an error, and return what the client reads of it."""
        told = self._error_of(error)
        self._status = _class_of(told.status)
        return told

    def leave(self) -> None:
        """Note that the client left amid a stream, or stopped reading."""
        self._status = LEFT


def _class_of(status: int) -> str:
    return f"{status // 100}xx"
