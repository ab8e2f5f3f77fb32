"""Behaviour of python-telegram-bot on failed calls: an upgrade that changes this behaviour fails here."""

import asyncio
import inspect
import logging
import signal
from datetime import timedelta
from typing import Any

import pytest
from telegram import Bot
from telegram.error import (
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import HTTPXRequest

from tests.fakes.telegram.client import builder, connected, script
from tests.fakes.telegram.room import Person
from tests.fakes.telegram_server import (
    TelegramServer,
    bad_gateway,
    call_back,
    garbage,
    refuse,
    reset,
    stall,
    unauthorized,
)

pytest_plugins = ["tests.fakes.telegram.fixture"]
pytestmark = pytest.mark.usefixtures("durations_as_timedelta")


def cases() -> dict[str, tuple[Any, type[TelegramError], str]]:
    """Faults by name, with the error that a send then raises and what it says."""
    return {
        "blocked": (
            refuse(403, "bot was blocked by the user"),
            Forbidden,
            "Forbidden: bot was blocked by the user",
        ),
        "bad gateway": (
            bad_gateway(do=False),
            NetworkError,
            "Bad Gateway (502). Parsing the server response",
        ),
        "garbage": (garbage(do=False), TelegramError, "Invalid server response"),
        "reset": (reset(do=False), NetworkError, "httpx.ReadError"),
        "unauthorized": (unauthorized(), InvalidToken, "Unauthorized"),
        "server error": (refuse(500, "Internal Server Error"), NetworkError, "Internal Server Error"),
    }


@pytest.mark.parametrize("name", cases())
async def test_a_failed_send_raises_at_once_and_is_not_tried_again(
    telegram: TelegramServer, ana: Person, name: str
) -> None:
    fault, kind, said = cases()[name]
    telegram.fail("sendMessage", fault)
    async with connected(telegram) as bot:
        with pytest.raises(kind) as caught:
            await bot.send_message(ana.chat.id, "hello")
    assert (type(caught.value), str(caught.value).startswith(said)) == (kind, True), str(caught.value)
    assert len(telegram.called("sendMessage")) == 1
    assert telegram.token not in str(caught.value)


async def test_a_migrated_groups_error_has_the_new_id(telegram: TelegramServer, ana: Person) -> None:
    group = telegram.group("Attic", ana.user)
    new = telegram.migrate(group)
    async with connected(telegram) as bot:
        with pytest.raises(ChatMigrated) as caught:
            await bot.send_message(group.id, "hello")
    assert caught.value.new_chat_id == new.id


async def test_a_limit_raises_at_once_without_a_limiter(telegram: TelegramServer, ana: Person) -> None:
    telegram.limits.close(ana.chat.id, 30)
    async with connected(telegram) as bot:
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(ana.chat.id, "hello")
    assert caught.value.retry_after == timedelta(seconds=30)
    assert len(telegram.called("sendMessage")) == 1


async def test_the_limiter_lets_one_limited_group_hold_up_everything(
    telegram: TelegramServer, ana: Person
) -> None:
    pytest.importorskip("aiolimiter", reason="AIORateLimiter needs aiolimiter, which the bot does not use")
    from telegram.ext import AIORateLimiter

    group = telegram.group("Attic", ana.user)
    telegram.limits.close(group.id, 1)
    async with builder(telegram).rate_limiter(AIORateLimiter(max_retries=2)).build() as application:
        limited = asyncio.create_task(application.bot.send_message(group.id, "late"))
        await telegram.until(lambda: telegram.refusals)
        await asyncio.sleep(0.05)  # until the client has heard of it too
        await asyncio.gather(
            limited, application.bot.send_message(ana.chat.id, "other"), application.bot.get_me()
        )
    (refused,) = telegram.refusals
    waited = [*telegram.called("sendMessage")[1:], telegram.called("getMe")[-1]]
    assert all(call.at - refused.at >= 1.0 for call in waited)


async def test_the_limiter_spaces_out_the_messages_of_a_group_and_its_edits(
    telegram: TelegramServer, ana: Person
) -> None:
    pytest.importorskip("aiolimiter", reason="AIORateLimiter needs aiolimiter, which the bot does not use")
    from telegram.ext import AIORateLimiter

    group = telegram.group("Attic", ana.user)
    limiter = AIORateLimiter(group_max_rate=2, group_time_period=0.4)
    async with builder(telegram).rate_limiter(limiter).build() as application:
        sent = await application.bot.send_message(group.id, "0")
        for n in range(1, 4):
            await application.bot.edit_message_text(str(n), group.id, sent.message_id)
    times = [call.at for call in telegram.calls if call.method in ("sendMessage", "editMessageText")]
    assert times[3] - times[0] >= 0.3


async def test_a_hung_send_times_out_and_may_have_been_sent(telegram: TelegramServer, ana: Person) -> None:
    telegram.fail("sendMessage", stall(30))
    async with connected(telegram, read_timeout=0.2) as bot:
        with pytest.raises(TimedOut):
            await bot.send_message(ana.chat.id, "hello")
    assert telegram.visible(ana.chat) == ["hello"]
    assert inspect.signature(HTTPXRequest).parameters["read_timeout"].default == 5.0


async def test_trying_again_after_a_lost_answer_leaves_two_copies(
    telegram: TelegramServer, ana: Person
) -> None:
    telegram.fail("sendMessage", reset())
    async with connected(telegram) as bot:
        with pytest.raises(NetworkError):
            await bot.send_message(ana.chat.id, "hello")
        await bot.send_message(ana.chat.id, "hello")
    assert telegram.visible(ana.chat) == ["hello", "hello"]


async def test_a_bot_killed_in_its_send_window_has_sent(telegram: TelegramServer, ana: Person) -> None:
    process = await script(
        telegram, f"await bot.send_message({ana.chat.id}, 'hello')\n        print('heard of it')"
    )

    async def kill(_: object) -> None:
        process.kill()
        await process.wait()

    telegram.fail("sendMessage", call_back(kill))
    output, _ = await process.communicate()
    assert (telegram.visible(ana.chat), output, process.returncode) == (["hello"], b"", -signal.SIGKILL)


async def test_every_call_writes_the_token_into_the_log(
    telegram: TelegramServer, ana: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(telegram) as bot:
        await bot.send_message(ana.chat.id, "hello")
        assert telegram.token in repr(bot)
    leaks = [record for record in caplog.records if telegram.token in record.getMessage()]
    assert [(record.name, record.levelname) for record in leaks] == [("httpx", "INFO")] * 2


async def test_a_wrong_token_ends_the_start(telegram: TelegramServer) -> None:
    async def start() -> None:
        async with Bot("1:wrong", f"{telegram.url}/bot"):
            raise AssertionError("started with a wrong token")

    with pytest.raises(InvalidToken):
        await start()
