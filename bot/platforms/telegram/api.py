"""Calls to the Bot API: each with a deadline, and each error as a delivery error."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, TelegramError

from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.message import Place
from bot.platforms.telegram.compat import ApiRequest, TooManyRequests, is_unknown_method


class CallRefused(DeliveryRefused):
    """Telegram refuses a call (400), and may take another to the same chat."""


DEFAULT_API = "https://api.telegram.org"
T = TypeVar("T")


def open_bot(token: str, api: str | None, polls: ApiRequest, seconds: float) -> Bot:
    """Return the library's bot, not connected yet.

    `polls` is the HTTP client kept for polling; `seconds` is the read and pool timeout of any other call.
    """
    address = api or DEFAULT_API
    calls = ApiRequest(connection_pool_size=64, read_timeout=seconds, pool_timeout=seconds)
    return Bot(token, f"{address}/bot", f"{address}/file/bot", request=calls, get_updates_request=polls)


async def call_api(call: Awaitable[T], place: Place, seconds: float) -> T:
    """Return the call's result. Raises `RetryLater`, `DeliveryRefused` or `ChatMoved`, and no other error."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TooManyRequests as error:
        raise RetryLater(str(error), error.seconds) from None
    except ChatMigrated as error:
        raise ChatMoved(replace(place, chat=str(error.new_chat_id), thread="")) from None
    except BadRequest as error:
        raise CallRefused(str(error)) from None
    except Forbidden as error:
        raise DeliveryRefused(str(error)) from None
    except InvalidToken as error:
        if is_unknown_method(error):
            raise DeliveryRefused("there is no such method") from None
        raise RetryLater("the token is not accepted any more") from None
    except (TelegramError, TimeoutError) as error:
        raise RetryLater(type(error).__name__) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # the library cannot read the answer
        raise RetryLater(f"unreadable answer ({type(error).__name__})") from None
