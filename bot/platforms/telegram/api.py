"""Calls to the Bot API: each with a deadline, and what goes wrong in the words of delivery."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, TypeVar

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.message import Place

API = "https://api.telegram.org"
T = TypeVar("T")


class TooMany(TelegramError):
    """Telegram wants to be left alone for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__("told to wait")
        self.seconds = seconds


class Connection(HTTPXRequest):
    """The library's, which would log answers that it cannot read, people's words and all.

    Its own error for a rate limit warns of its own change of type, so that there is another one.
    """

    async def do_request(self, *given: Any, **named: Any) -> tuple[int, bytes]:
        status, payload = await super().do_request(*given, **named)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            parameters = self.parse_json_payload(payload).get("parameters") or {}
            raise TooMany(float(parameters.get("retry_after") or 1))
        return status, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        try:
            found = json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise TelegramError("an answer that is not JSON") from None
        if not isinstance(found, dict) or ("result" not in found and "ok" not in found):
            raise TelegramError("an answer that is none of the Bot API's")
        return found


def open_bot(token: str, api: str | None, polls: Connection, seconds: float) -> Bot:
    """The library's bot, which is not connected yet; `polls` is the connection kept for polling."""
    at = api or API
    calls = Connection(connection_pool_size=64, read_timeout=seconds, pool_timeout=seconds)
    return Bot(token, f"{at}/bot", f"{at}/file/bot", request=calls, get_updates_request=polls)


def is_unknown(error: InvalidToken) -> bool:
    """Whether there is no such method; once a token was good, that is what "not found" says."""
    return "not found" in str(error).casefold()


async def made(call: Awaitable[T], place: Place, seconds: float) -> T:
    """The call's result; raise `RetryLater`, `Refused` or `ChatMoved`, and nothing else."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TooMany as error:
        raise RetryLater(str(error), error.seconds) from None
    except ChatMigrated as error:
        raise ChatMoved(replace(place, chat=str(error.new_chat_id), thread="")) from None
    except (Forbidden, BadRequest) as error:
        raise DeliveryRefused(str(error)) from None
    except InvalidToken as error:
        raise (
            DeliveryRefused("there is no such method") if is_unknown(error) else RetryLater("not let in")
        ) from None
    except (TelegramError, TimeoutError) as error:
        raise RetryLater(type(error).__name__) from None
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:  # the library could not read the answer
        raise RetryLater(f"unreadable answer ({type(error).__name__})") from None
