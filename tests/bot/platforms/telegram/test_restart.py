"""A process that ended on Telegram: the next one answers what waits, with at most one extra copy."""

import asyncio
import time

from bot.config import ChatSettings
from tests.fakes.telegram_server import (
    stall,
)
from tests.fixtures.telegram_bot import Bot, people

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


async def test_messages_that_wait_at_a_stop_are_answered_once_after_it(cold: Bot) -> None:
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


async def test_messages_of_a_downtime_are_answered_once_unless_they_are_too_old(cold: Bot) -> None:
    chats, now = people(cold.fake, 8), int(time.time())
    cold.settings = ChatSettings(debounce=0, oldest=3600)
    for number, (chat, user) in enumerate(chats):
        cold.fake.say(chat, user, "hi", date=now - (7200 if number < 3 else 60))
    await cold.start()
    await cold.fake.until(lambda: all(cold.fake.visible(chat) for chat, _ in chats[3:]))
    await cold.quiet()
    assert [len(cold.fake.sent(chat)) for chat, _ in chats] == [0] * 3 + [1] * 5
    assert (await cold.memory.status()).inbox == {"answered": 5, "ignored": 3}


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
    await again.sees_exactly(chat, "Answer 1.", "Answer 1.")
    await again.quiet()
    assert await again.history(chat) == ["P0: hi", "Mara: Answer 1."]
    await again.stop()


async def test_an_end_while_a_group_sees_an_unfinished_answer_gives_no_second_one(cold: Bot) -> None:
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
    await again.sees_exactly(group, "Nine ten.")
    await again.stop()
