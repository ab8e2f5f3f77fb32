"""No update is lost on Telegram, over failed polls, unreadable updates and repeated deliveries."""

import asyncio
import logging
from typing import Any

import pytest

from bot.errors import UserError
from bot.platforms.telegram.api import open_bot
from bot.platforms.telegram.compat import ApiRequest
from bot.platforms.telegram.polling import Polling
from tests.fakes.telegram_server import (
    Chat,
    Fault,
    TelegramServer,
    answer,
    bad_gateway,
    call_back,
    garbage,
    refuse,
    reset,
    stall,
    too_many,
)
from tests.fixtures.telegram_bot import QUICK, Bot, people

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


def answers(bot: Bot, chat: Chat) -> list[str]:
    """The persona's answers in a chat; chats are answered in any order."""
    return [text for text in bot.fake.visible(chat) if text.startswith("Answer ")]


async def test_nothing_is_acknowledged_before_it_is_kept(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat, kept_at_acks = bot.fake.private(ana), []
    bot.engine.hold = asyncio.Event()
    ids = {}

    async def look(arguments: dict[str, Any]) -> None:
        acknowledged = [m for m, update in ids.items() if update < arguments.get("offset", 0)]
        kept = [await bot.memory.find(bot.place(chat), m) for m in acknowledged]
        kept_at_acks.append((len(acknowledged), sum(found is not None for found in kept)))

    bot.fake.fail("getUpdates", call_back(look), times=None)
    for number in range(5):
        message = bot.fake.say(chat, ana, f"line {number}")
        assert message.update_id
        ids[str(message.id)] = message.update_id
        await asyncio.sleep(0.01)
    await bot.fake.until(lambda: kept_at_acks and kept_at_acks[-1][0] == 5)
    assert all(acknowledged == kept for acknowledged, kept in kept_at_acks)
    assert bot.fake.visible(chat) == []


@pytest.mark.parametrize(
    "change",
    [
        {"date": 10**18},
        {"date": -(10**18)},
        {"text": "x" * 1_000_000},
        {"text": "half \ud83d"},
        {"text": "nul \x00"},
        {"from": {"id": "no number"}},
        {"chat": []},
    ],
    ids=["late date", "early date", "1 MB", "surrogate", "NUL", "author", "chat"],
)
async def test_an_unreadable_update_is_a_dead_letter_and_others_are_answered(
    bot: Bot, change: dict[str, Any]
) -> None:
    (chat, ana), (other, bo) = people(bot.fake, 2)
    wire = bot.fake.say(chat, ana, "first").wire
    await bot.sees_exactly(chat, "Answer 1.")
    polls = len(bot.fake.updates.polls)
    bot.fake.push({"message": wire | {"message_id": 800} | change})
    bot.fake.push({"message": "not a message"})
    bot.fake.push({"unheard_of": {}})
    bot.fake.say(chat, ana, "second")
    bot.fake.say(other, bo, "third")
    await bot.fake.until(lambda: bot.fake.visible(other) and len(answers(bot, chat)) == 2)
    await bot.quiet()
    assert (await bot.memory.status()).dead == 2
    assert len(bot.fake.updates.polls) - polls < 10
    said = [line for line in await bot.history(chat) if not line.startswith("Mara")]
    assert said == ["P0: first", "P0: second"]


async def test_a_message_to_a_removed_persona_gets_a_notice(bot: Bot) -> None:
    (chat, ana), _ = people(bot.fake, 2)
    await bot.memory.set_setting(str(bot.place(chat)), "persona", "nobody")
    bot.fake.say(chat, ana, "hi")
    await bot.fake.until(lambda: bot.fake.visible(chat))
    assert "nobody" in bot.fake.visible(chat)[0]
    await bot.memory.set_setting(str(bot.place(chat)), "persona", None)
    bot.fake.say(chat, ana, "hi")
    await bot.fake.until(lambda: "Answer 1." in bot.fake.visible(chat))


@pytest.mark.parametrize("times", [2, 5])
async def test_an_update_delivered_several_times_is_answered_once(cold: Bot, times: int) -> None:
    await cold.start()
    ((chat, ana),) = people(cold.fake, 1)
    message = cold.fake.say(chat, ana, "hi")
    cold.fake.repeat(message, times - 1)
    for _ in range(times - 1):
        cold.fake.push({"message": message.wire})  # the same message under another update id
    await cold.sees_exactly(chat, "Answer 1.")
    await cold.quiet()
    await cold.stop()
    again = Bot(cold.fake, cold.folder)
    await again.start()
    cold.fake.repeat(message, times - 1)
    cold.fake.push({"message": message.wire})
    await again.quiet()
    assert cold.fake.visible(chat) == ["Answer 1."]
    await again.stop()


async def test_order_holds_in_every_chat(bot: Bot) -> None:
    chats = people(bot.fake, 4)
    for number in range(10):
        for chat, user in chats:
            bot.fake.say(chat, user, f"line {number}")
    await bot.quiet()
    for chat, user in chats:
        said = [line for line in await bot.history(chat) if line.startswith(user.first_name)]
        assert said == [f"{user.first_name}: line {number}" for number in range(10)]


@pytest.mark.parametrize(
    "fault",
    [
        bad_gateway(do=False),
        garbage(do=False),
        garbage(),
        reset(do=False),
        too_many(1),
        refuse(500, "x"),
        answer(5),
        answer([5, {}]),
    ],
    ids=["502", "garbage", "garbage after", "reset", "429", "500", "no list", "no updates"],
)
async def test_polling_survives_each_network_fault(bot: Bot, fault: Fault) -> None:
    ((chat, ana),) = people(bot.fake, 1)
    await bot.fake.until(lambda: bot.fake.updates.polling)
    bot.fake.fail("getUpdates", fault, times=2 if fault.status != 429 else 1)
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.say(chat, ana, "and")
    await bot.sees_exactly(chat, "Answer 1.", "Answer 2.")


async def test_a_hung_poll_is_given_up_and_the_outage_is_logged(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    ((chat, ana),) = people(bot.fake, 1)
    await bot.fake.until(lambda: bot.fake.updates.polling)
    bot.fake.fail("getUpdates", stall(30, do=False))
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.say(chat, ana, "and")
    await bot.sees_exactly(chat, "Answer 1.", "Answer 2.")
    messages = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert messages == ["poll_failed", "connection_lost", "connection_restored"]


async def test_an_update_that_cannot_be_kept_comes_again(telegram: TelegramServer) -> None:
    telegram.updates.longest = 0.5
    connection = ApiRequest()
    library = open_bot(telegram.token, telegram.url, connection, 5)
    tried: list[object] = []

    async def take(update: Any) -> None:
        tried.append(update["message"]["text"])
        if len(tried) == 2:
            raise UserError("The disk is full: make room.")
        if len(tried) == 4:
            polling.stop_intake()

    await library.initialize()
    polling = Polling(library, connection, take, QUICK)
    ((chat, ana),) = people(telegram, 1)
    for text in "abc":
        telegram.say(chat, ana, text)
    await asyncio.wait_for(polling.run(), 3)
    await polling.acknowledge()
    await library.shutdown()
    assert (tried, telegram.updates.pending) == (["a", "b", "b", "c"], [])


async def test_after_stop_intake_no_update_is_taken_and_answers_are_sent(cold: Bot) -> None:
    await cold.start()
    (chat, ana), (other, bo) = people(cold.fake, 2)
    cold.engine.hold = asyncio.Event()
    cold.fake.say(chat, ana, "hi")
    await cold.engine.holding.wait()
    cold.telegram.stop_intake()
    await asyncio.wait_for(cold.ended(), 1)
    cold.fake.say(other, bo, "too late")
    cold.engine.hold.set()
    await cold.sees_exactly(chat, "Answer 1.")
    await cold.stop()
    assert [update["message"]["text"] for update in cold.fake.updates.pending] == ["too late"]
