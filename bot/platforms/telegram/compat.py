"""Subclassed and patched parts of python-telegram-bot, as version 22.8 has them (on httpx 0.28).

`tests/libraries/test_python_telegram_bot_compat.py` fails where a newer version no longer has such a part, or
no longer needs the patch.
"""

import json
from http import HTTPStatus
from typing import Any

from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest


class TooManyRequests(TelegramError):
    """Telegram asks for no further call for so many seconds.

    The library's own `RetryAfter` warns, each time one is made, that the type of its seconds will change.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("rate limited")
        self.seconds = seconds


class ApiRequest(HTTPXRequest):
    """The library's HTTP client, without people's words in the log and with `TooManyRequests` for a 429.

    The library logs the whole answer where it is no JSON, and raises KeyError for JSON without a result.
    """

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Return status and body. Raises `TooManyRequests` for a 429, else `TelegramError` as the library."""
        status, payload = await super().do_request(*args, **kwargs)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            parameters = self.parse_json_payload(payload).get("parameters") or {}
            raise TooManyRequests(float(parameters.get("retry_after") or 1))
        return status, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return the answer's JSON object. Raises `TelegramError`, whose text holds nothing of the answer."""
        try:
            answer = json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise TelegramError("an answer that is not JSON") from None
        if not isinstance(answer, dict) or ("result" not in answer and "ok" not in answer):
            raise TelegramError("an answer that is none of the Bot API's")
        return answer


def is_unknown_method(error: InvalidToken) -> bool:
    """Return whether the Bot API has no such method; the library raises `InvalidToken` for a 404 as for a
    401.

    Telegram answers 404 to a malformed token too; once a token was accepted, a 404 is about the method.
    """
    return "not found" in str(error).casefold()
