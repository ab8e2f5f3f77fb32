"""Each patched part of python-telegram-bot in `bot/platforms/telegram/compat.py`: there, and needed.

A failing test names the part that a newer python-telegram-bot has changed: adapt that part, or drop it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from telegram import Bot
from telegram.error import InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest
from telegram.warnings import PTBDeprecationWarning

from bot.platforms.telegram.compat import ApiRequest, TooManyRequests, is_unknown_method
from tests.fakes.telegram.room import Person
from tests.fakes.telegram_server import TelegramServer, refuse, unauthorized

pytest_plugins = ["tests.fakes.telegram.fixture"]


@asynccontextmanager
async def connected(fake: TelegramServer, request: HTTPXRequest) -> AsyncIterator[Bot]:
    async with Bot(fake.token, f"{fake.url}/bot", f"{fake.url}/file/bot", request=request) as bot:
        yield bot


@pytest.mark.parametrize("kind", [HTTPXRequest, ApiRequest])
@pytest.mark.parametrize("payload", [b"<html>canary</html>", b'{"canary": '])
def test_only_the_library_logs_an_answer_that_is_no_json(
    kind: type[HTTPXRequest], payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TelegramError):
        kind.parse_json_payload(payload)
    assert ("canary" in caplog.text) == (kind is HTTPXRequest)


@pytest.mark.parametrize("payload", [b'{"canary": 1}', b"[1]", b"[" * 100_000])
def test_json_that_is_not_the_bot_apis_is_an_error_without_the_answers_words(payload: bytes) -> None:
    with pytest.raises(TelegramError) as caught:
        ApiRequest.parse_json_payload(payload)
    assert "canary" not in str(caught.value)


def test_the_library_takes_json_that_is_not_the_bot_apis() -> None:
    assert HTTPXRequest.parse_json_payload(b'{"canary": 1}') == {"canary": 1}


def test_the_librarys_error_for_a_rate_limit_warns_of_its_own_change() -> None:
    with pytest.warns(PTBDeprecationWarning, match="retry_after"):
        RetryAfter(30)


@pytest.mark.filterwarnings("error")
async def test_a_rate_limit_is_an_error_with_its_seconds_and_without_a_warning(
    telegram: TelegramServer, ana: Person
) -> None:
    telegram.limits.close(ana.chat.id, 30)
    async with connected(telegram, ApiRequest()) as bot:
        with pytest.raises(TooManyRequests) as caught:
            await bot.send_message(ana.chat.id, "hello")
    assert caught.value.seconds == 30
    assert len(telegram.called("sendMessage")) == 1


@pytest.mark.parametrize("unknown", [True, False])
async def test_an_unknown_method_and_a_refused_token_are_one_error_of_two_texts(
    telegram: TelegramServer, ana: Person, unknown: bool
) -> None:
    async with connected(telegram, ApiRequest()) as bot:
        telegram.fail("sendMessage", refuse(404, "Not Found") if unknown else unauthorized())
        with pytest.raises(InvalidToken) as caught:
            await bot.send_message(ana.chat.id, "hello")
    assert is_unknown_method(caught.value) == unknown
