"""Errors in OpenAI's shape, for every status."""

import json
from collections.abc import Mapping

from aiohttp import web

_LINE_SEPARATORS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_INVALID, _SERVER = "invalid_request_error", "server_error"


class ApiError(Exception):
    """An error for a client. `param` names the field at fault, `code` is for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        kind: str = _INVALID,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.kind, self.headers = kind, headers or {}

    def body(self) -> dict[str, object]:
        """Return the error as an object of JSON."""
        told = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return {"error": told}

    def response(self) -> web.Response:
        """Return the error as a response.

        OpenAI's clients try again by themselves, which makes an overload worse: they are asked not to.
        """
        headers = {"x-should-retry": "false", **self.headers}
        return web.json_response(self.body(), status=self.status, headers=headers, dumps=json_dumps)


def json_dumps(value: object) -> str:
    """Return a value as JSON in one line, in the characters that people wrote.

    Unicode's line separators are escapes: some clients of streams end a line there.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_LINE_SEPARATORS)


def bad_field(param: str, message: str) -> ApiError:
    """Return the error of a field whose value cannot be taken."""
    return ApiError(400, f"{param}: {message}", param, "invalid_value")


def too_long(message: str, param: str) -> ApiError:
    """Return the error of a prompt that the model's context does not hold."""
    return ApiError(400, message, param, "context_length_exceeded")


def unavailable(message: str, code: str = "unavailable") -> ApiError:
    """Return the error of a server that cannot answer now."""
    return ApiError(503, message, code=code, kind=_SERVER)


def internal() -> ApiError:
    """Return the error of a fault in the program; its log has the rest."""
    message = "The server failed at this request; whoever runs it finds the reason in its log."
    return ApiError(500, message, code="internal_error", kind=_SERVER)
