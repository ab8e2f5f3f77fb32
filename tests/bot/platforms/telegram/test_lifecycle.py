"""Telegram from login to close: tokens, conflicts, webhooks, and a Telegram that cannot be reached."""

import asyncio
from pathlib import Path

import pytest

from bot.errors import UserError
from tests.fakes.telegram_server import (
    Fault,
    bad_gateway,
    conflict,
    refuse,
    reset,
    unauthorized,
)
from tests.fixtures.telegram_bot import Bot, people

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


async def test_a_second_bot_with_the_same_token_is_refused(bot: Bot, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    second = Bot(bot.fake, tmp_path / "second")
    with pytest.raises(UserError, match="Another alterego is running with this Telegram token"):
        await second.start()
    await second.stop()


async def test_a_conflict_passes_and_one_that_stays_ends_the_run(bot: Bot) -> None:
    ((chat, ana),) = people(bot.fake, 1)
    bot.fake.fail("getUpdates", conflict(), times=2)
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.fail("getUpdates", conflict(), times=None)
    bot.fake.say(chat, ana, "hi")
    with pytest.raises(UserError, match="Another program takes this bot's messages"):
        await asyncio.wait_for(bot.ended(), 3)
    assert len(bot.fake.updates.polls) < 10


async def test_a_token_that_is_revoked_ends_the_run(bot: Bot) -> None:
    await bot.fake.until(lambda: bot.fake.updates.polling)
    bot.fake.token = f"{bot.fake.bot.id}:another_secret"
    with pytest.raises(UserError, match="Telegram refuses TELEGRAM_TOKEN"):
        await asyncio.wait_for(bot.ended(), 3)


@pytest.mark.parametrize("fault", [unauthorized(), refuse(404, "Not Found")])
async def test_a_wrong_token_is_an_error_at_the_start_and_not_shown(cold: Bot, fault: Fault) -> None:
    cold.fake.fail("getMe", fault)
    with pytest.raises(UserError, match="Telegram refuses TELEGRAM_TOKEN") as error:
        await cold.start()
    assert cold.fake.token not in f"{error.value!r} {error.value.__cause__!r}"
    assert len(cold.fake.called("getMe")) == 1


@pytest.mark.parametrize("token", ["", "secret", "12:34/../x", "12:short", "12 :AAAAAAAAAAAAAAAAAAAAAA"])
async def test_a_text_that_is_no_token_is_not_sent_anywhere(cold: Bot, token: str) -> None:
    cold.fake.token = token
    with pytest.raises(UserError, match="TELEGRAM_TOKEN is not one of Telegram's"):
        await cold.start()
    assert cold.fake.calls == []


async def test_until_telegram_can_be_reached_it_is_tried_again(
    cold: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    ((chat, ana),) = people(cold.fake, 1)
    cold.fake.fail("getMe", reset(do=False), times=None)
    starting = asyncio.create_task(cold.start())
    await cold.fake.until(lambda: caplog.messages.count("telegram_unreachable") >= 8)
    cold.fake.heal("getMe")
    cold.fake.fail("deleteWebhook", bad_gateway(do=False), times=2)
    await starting
    cold.fake.say(chat, ana, "hi")
    await cold.sees_exactly(chat, "Answer 1.")


async def test_a_webhook_is_removed_and_its_waiting_updates_are_answered(cold: Bot) -> None:
    ((chat, ana),) = people(cold.fake, 1)
    cold.fake.updates.webhook = "https://example.org/hook"
    cold.fake.say(chat, ana, "hi")
    await cold.start()
    await cold.sees_exactly(chat, "Answer 1.")
