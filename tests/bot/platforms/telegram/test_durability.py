"""Nothing is lost on Telegram and next to nothing said twice, whatever happens to it or to the bot."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from bot.config import ChatSettings
from bot.errors import UserError
from bot.platforms.telegram.api import Connection, open_bot
from bot.platforms.telegram.polling import Polling
from tests.fakes.telegram.chat import Chat, User
from tests.fakes.telegram_server import (
    Fault,
    TelegramServer,
    answer,
    bad_gateway,
    call_back,
    conflict,
    garbage,
    refuse,
    reset,
    stall,
    too_many,
    unauthorized,
)
from tests.fixtures.telegram_bot import QUICK, Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


def people(fake: TelegramServer, count: int) -> list[tuple[Chat, User]]:
    users = [fake.user(f"P{n}") for n in range(count)]
    return [(fake.private(user), user) for user in users]


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


async def test_what_waits_at_a_stop_is_answered_once_after_it(cold: Bot) -> None:
    await cold.start()
    cold.engine.hold = asyncio.Event()
    chats = people(cold.fake, 10)
    for chat, user in chats:
        cold.fake.say(chat, user, "hi")
    await cold.fake.until(lambda: len(cold.engine.requests) == 10)
    await asyncio.wait_for(cold.stop(), 2)
    assert cold.fake.updates.pending == []
    again = Bot(cold.fake, cold.folder)
    await again.start()
    await cold.fake.until(lambda: all(cold.fake.visible(chat) for chat, _ in chats))
    await again.quiet()
    assert [len(cold.fake.sent(chat)) for chat, _ in chats] == [1] * 10
    await again.stop()


async def test_what_is_said_while_the_bot_is_down_is_answered_once_unless_it_is_too_old(cold: Bot) -> None:
    chats, now = people(cold.fake, 8), int(time.time())
    cold.settings = ChatSettings(debounce=0, oldest=3600)
    for number, (chat, user) in enumerate(chats):
        cold.fake.say(chat, user, "hi", date=now - (7200 if number < 3 else 60))
    await cold.start()
    await cold.fake.until(lambda: all(cold.fake.visible(chat) for chat, _ in chats[3:]))
    await cold.quiet()
    assert [len(cold.fake.sent(chat)) for chat, _ in chats] == [0] * 3 + [1] * 5
    assert (await cold.memory.status()).inbox == {"answered": 5, "ignored": 3}


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
async def test_poison_is_buried_and_others_are_answered(bot: Bot, change: dict[str, Any]) -> None:
    (chat, ana), (other, bo) = people(bot.fake, 2)
    wire = bot.fake.say(chat, ana, "first").wire
    await bot.sees(chat, "Answer 1.")
    polls = len(bot.fake.updates.polls)
    bot.fake.push({"message": wire | {"message_id": 800} | change})
    bot.fake.push({"message": "not a message"})
    bot.fake.push({"unheard_of": {}})
    bot.fake.say(chat, ana, "second")
    bot.fake.say(other, bo, "third")
    await bot.fake.until(lambda: bot.fake.visible(other) and "Answer 2." in bot.fake.visible(chat))
    await bot.quiet()
    assert (await bot.memory.status()).dead == 2
    assert len(bot.fake.updates.polls) - polls < 10
    said = [line for line in await bot.history(chat) if not line.startswith("Mara")]
    assert said == ["P0: first", "P0: second"]


async def test_who_asks_for_a_persona_that_has_left_is_told_so(bot: Bot) -> None:
    (chat, ana), _ = people(bot.fake, 2)
    await bot.memory.set_setting(str(bot.place(chat)), "persona", "nobody")
    bot.fake.say(chat, ana, "hi")
    await bot.fake.until(lambda: bot.fake.visible(chat))
    assert "nobody" in bot.fake.visible(chat)[0]
    await bot.memory.set_setting(str(bot.place(chat)), "persona", None)
    bot.fake.say(chat, ana, "hi")
    await bot.fake.until(lambda: "Answer 1." in bot.fake.visible(chat))


@pytest.mark.parametrize("times", [2, 5])
async def test_what_is_delivered_several_times_is_answered_once(cold: Bot, times: int) -> None:
    await cold.start()
    ((chat, ana),) = people(cold.fake, 1)
    message = cold.fake.say(chat, ana, "hi")
    cold.fake.repeat(message, times - 1)
    for _ in range(times - 1):
        cold.fake.push({"message": message.wire})  # the same message under another update id
    await cold.sees(chat, "Answer 1.")
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
async def test_polling_outlives_what_the_network_does(bot: Bot, fault: Fault) -> None:
    ((chat, ana),) = people(bot.fake, 1)
    await bot.fake.until(lambda: bot.fake.updates.polling)
    bot.fake.fail("getUpdates", fault, times=2 if fault.status != 429 else 1)
    bot.fake.say(chat, ana, "hi")
    await bot.sees(chat, "Answer 1.")
    bot.fake.say(chat, ana, "and")
    await bot.sees(chat, "Answer 1.", "Answer 2.")


async def test_a_poll_that_hangs_is_given_up_and_the_log_says_that_nobody_hears(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    ((chat, ana),) = people(bot.fake, 1)
    await bot.fake.until(lambda: bot.fake.updates.polling)
    bot.fake.fail("getUpdates", stall(30, do=False))
    bot.fake.say(chat, ana, "hi")
    await bot.sees(chat, "Answer 1.")
    bot.fake.say(chat, ana, "and")
    await bot.sees(chat, "Answer 1.", "Answer 2.")
    messages = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert messages == ["a poll failed", "Telegram is not heard", "Telegram is heard again"]


async def test_an_update_that_cannot_be_kept_comes_again(telegram: TelegramServer) -> None:
    telegram.updates.longest = 0.5
    connection = Connection()
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


async def test_hushed_the_bot_takes_nothing_more_and_says_what_it_has_to(cold: Bot) -> None:
    await cold.start()
    (chat, ana), (other, bo) = people(cold.fake, 2)
    cold.engine.hold = asyncio.Event()
    cold.fake.say(chat, ana, "hi")
    await cold.engine.holding.wait()
    cold.telegram.stop_intake()
    await asyncio.wait_for(cold.ended(), 1)
    cold.fake.say(other, bo, "too late")
    cold.engine.hold.set()
    await cold.sees(chat, "Answer 1.")
    await cold.stop()
    assert [update["message"]["text"] for update in cold.fake.updates.pending] == ["too late"]


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
    await bot.sees(chat, "Answer 1.")
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
async def test_a_wrong_token_is_said_at_the_start_and_not_shown(cold: Bot, fault: Fault) -> None:
    cold.fake.fail("getMe", fault)
    with pytest.raises(UserError, match="Telegram refuses TELEGRAM_TOKEN") as error:
        await cold.start()
    assert cold.fake.token not in f"{error.value!r} {error.value.__cause__!r}"
    assert len(cold.fake.called("getMe")) == 1


@pytest.mark.parametrize("token", ["", "secret", "12:34/../x", "12:short", "12 :AAAAAAAAAAAAAAAAAAAAAA"])
async def test_what_is_no_token_is_not_sent_anywhere(cold: Bot, token: str) -> None:
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
    await cold.fake.until(lambda: caplog.messages.count("Telegram cannot be reached") >= 8)
    cold.fake.heal("getMe")
    cold.fake.fail("deleteWebhook", bad_gateway(do=False), times=2)
    await starting
    cold.fake.say(chat, ana, "hi")
    await cold.sees(chat, "Answer 1.")


async def test_a_webhook_is_removed_and_what_waited_there_answered(cold: Bot) -> None:
    ((chat, ana),) = people(cold.fake, 1)
    cold.fake.updates.webhook = "https://example.org/hook"
    cold.fake.say(chat, ana, "hi")
    await cold.start()
    await cold.sees(chat, "Answer 1.")


async def crash(bot: Bot) -> None:
    """End as a killed process does: whatever is under way stays as it is."""
    assert bot.running
    bot.running.cancel()
    for room in bot.chat.workers():
        if room._loop:
            room._loop.cancel()
    await asyncio.gather(bot.running, return_exceptions=True)
    bot.running = None
    await bot.stop()


async def test_an_end_inside_the_send_window_gives_one_extra_copy_at_most(cold: Bot) -> None:
    await cold.start()
    ((chat, ana),) = people(cold.fake, 1)
    cold.fake.fail("sendMessage", stall(30))
    cold.fake.say(chat, ana, "hi")
    await cold.fake.until(lambda: cold.fake.visible(chat))
    await crash(cold)
    again = Bot(cold.fake, cold.folder)
    await again.start()
    await again.sees(chat, "Answer 1.", "Answer 1.")
    await again.quiet()
    assert await again.history(chat) == ["P0: hi", "Mara: Answer 1."]
    await again.stop()


async def test_an_end_while_a_group_sees_the_answer_grow_gives_no_second_one(cold: Bot) -> None:
    await cold.start()
    ana = cold.fake.user("Ana")
    group = cold.fake.group("Harbour", ana)
    cold.engine.script.append("One two three four five six seven eight.")
    cold.engine.delay = 0.05
    cold.fake.say(group, ana, "@lamp_bot count")
    await cold.fake.until(lambda: cold.fake.sent(group))
    await asyncio.sleep(0.05)
    await crash(cold)
    again = Bot(cold.fake, cold.folder)
    again.engine.script.append("Nine ten.")
    await again.start()
    await again.sees(group, "Nine ten.")
    await again.stop()


async def grown(bot: Bot) -> tuple[Chat, Chat, User]:
    """A group with a story and a setting, and the supergroup it turned into."""
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    await bot.memory.set_setting(str(bot.place(group)), "names", "off")
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.sees(group, "Answer 1.")
    await bot.quiet()
    return group, bot.fake.migrate(group), ana


async def test_a_group_that_migrates_keeps_its_story_and_settings(bot: Bot) -> None:
    group, new, ana = await grown(bot)
    bot.fake.say(new, ana, "@lamp_bot still there?")
    await bot.sees(new, "Answer 2.")
    await bot.quiet()
    assert await bot.history(new) == [
        "Ana: @lamp_bot hi",
        "Mara: Answer 1.",
        "Ana: @lamp_bot still there?",
        "Mara: Answer 2.",
    ]
    assert (await bot.history(group), await bot.memory.settings(str(bot.place(group)))) == ([], {})
    assert await bot.memory.settings(str(bot.place(new))) == {"names": "off"}


async def test_a_migration_learnt_from_a_refusal_loses_nothing(bot: Bot) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    group = bot.fake.group("Harbour", ana, bo)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(group, ana, "@lamp_bot one")
    await bot.engine.holding.wait()
    bot.fake.say(group, bo, "@lamp_bot two")
    await bot.fake.until(lambda: not bot.fake.updates.pending)
    new = bot.fake.upgrade(group)
    bot.engine.hold.set()
    await bot.sees(new, "Answer 1.", "Answer 2.")
    await bot.quiet()
    assert await bot.history(new) == [
        "Ana: @lamp_bot one",
        "Mara: Answer 1.",
        "Bo: @lamp_bot two",
        "Mara: Answer 2.",
    ]
    assert (await bot.memory.status()).inbox == {"answered": 2}
    assert [m.reply_to for m in bot.fake.sent(new)] == [None, None]


async def test_a_migration_while_an_answer_is_made_loses_nothing(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(group, ana, "@lamp_bot one")
    await bot.engine.holding.wait()
    new = bot.fake.migrate(group)
    bot.fake.say(new, ana, "@lamp_bot two")
    await bot.fake.until(lambda: not bot.fake.updates.pending)
    bot.engine.hold.set()
    await bot.fake.until(lambda: len(bot.fake.sent(new)) == 2)
    await bot.quiet()
    assert sorted(bot.fake.visible(new)) == ["Answer 1.", "Answer 2."]
    assert await bot.history(group) == []
    assert len(await bot.history(new)) == 4
    assert (await bot.memory.status()).inbox == {"answered": 2}
