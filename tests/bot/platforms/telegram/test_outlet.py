"""Answers on Telegram: drafts, typing, edits in groups, failed calls, and one message for each part."""

import asyncio
from dataclasses import replace

import pytest

from tests.fakes.telegram_server import TelegramServer, bad_gateway, garbage, refuse, reset, stall, too_many
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


async def test_the_name_line_of_a_group_with_several_is_counted(cold: Bot, telegram: TelegramServer) -> None:
    both(cold)
    await cold.start()
    ana = telegram.user("Ana")
    group, chat = telegram.group("Harbour", ana), telegram.private(ana)
    cold.engine.script.extend(["x" * 4092, "y"])
    telegram.say(group, ana, "@lamp_bot long")
    await cold.sees_exactly(group, "Mara\n" + "x" * 4091, "x")
    telegram.say(group, ana, "Ozzo, @lamp_bot")
    await cold.sees_exactly(group, "Mara\n" + "x" * 4091, "x", "Ozzo\ny")
    assert telegram.sent(group)[2].entities == [{"type": "bold", "offset": 0, "length": 4}]
    cold.engine.script.append("z")
    telegram.say(chat, ana, "hi")
    await cold.sees_exactly(chat, "z")


async def test_a_private_chat_sees_drafts_grow_and_then_the_message(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.delay = 0.03
    for text in ("One two three four five six.", "Seven eight nine ten."):
        bot.engine.script.append(text)
        bot.fake.say(chat, ana, "Count")
        await bot.quiet()
    drafts = bot.fake.drafts(chat)
    first, second = (
        [d.text for d in drafts if d.id == number] for number in dict.fromkeys(d.id for d in drafts)
    )
    assert len(first) > 2
    assert all("One two three four five six.".startswith(text) for text in first)
    assert all("Seven eight nine ten.".startswith(text) for text in second)
    assert all(draft.id for draft in drafts)
    assert bot.fake.draft(chat) is None
    assert bot.fake.visible(chat) == ["One two three four five six.", "Seven eight nine ten."]


async def test_where_there_are_no_drafts_the_answer_comes_all_the_same(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.fail("sendMessageDraft", refuse(404, "Not Found"), times=None)
    bot.engine.delay = 0.03
    bot.engine.script.append("One two three four five six.")
    bot.fake.say(chat, ana, "Count")
    await bot.sees_exactly(chat, "One two three four five six.")
    assert len(bot.fake.called("sendMessageDraft")) == 1


async def test_a_group_sees_few_edits_of_one_message(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.delay = 0.01
    text = " ".join(f"word{n}" for n in range(60))
    bot.engine.script.append(text)
    bot.fake.say(group, ana, "@lamp_bot count")
    await bot.fake.until(lambda: bot.fake.visible(group) == [text])
    await bot.quiet()
    (message,) = bot.fake.sent(group)
    assert 2 <= len(message.edits) <= 6
    assert all(text.startswith(edit.text) for edit in message.edits)
    gaps = [message.at, *(edit.at for edit in message.edits)]
    assert gaps[2] - gaps[1] > 0.09  # twice the first distance
    assert bot.fake.drafts(group) == []


async def test_typing_shows_at_once_and_goes_on(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(chat, ana, "Think")
    await bot.fake.until(lambda: len(bot.fake.actions(chat)) == 3)
    bot.engine.hold.set()
    await bot.sees_exactly(chat, "Answer 1.")
    await bot.quiet()
    shown = len(bot.fake.actions(chat))
    await asyncio.sleep(0.15)
    assert len(bot.fake.actions(chat)) == shown


async def test_an_answer_does_not_wait_for_typing(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.fail("sendChatAction", stall(5, do=False), times=None)
    bot.fake.say(chat, ana, "Think")
    await bot.sees_exactly(chat, "Answer 1.")


@pytest.mark.parametrize(
    "fault",
    [bad_gateway(do=False), garbage(do=False), reset(do=False), refuse(500, "Internal"), too_many(1)],
    ids=["502", "garbage", "reset", "500", "429"],
)
async def test_a_failed_call_is_made_again(bot: Bot, fault: object) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.fail("sendMessage", fault)  # type: ignore[arg-type]
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Answer 1.")
    await bot.quiet()
    assert (await bot.memory.status()).unsent == 0


async def test_a_hung_call_is_given_up_and_made_again(cold: Bot, telegram: TelegramServer) -> None:
    cold.timings = replace(cold.timings, call_timeout=0.2)
    await cold.start()
    ana = telegram.user("Ana")
    chat = telegram.private(ana)
    telegram.fail("sendMessage", stall(30, do=False))
    telegram.say(chat, ana, "hi")
    await cold.sees_exactly(chat, "Answer 1.")


async def test_a_hung_call_that_telegram_handled_gives_one_extra_copy(
    cold: Bot, telegram: TelegramServer
) -> None:
    cold.timings = replace(cold.timings, call_timeout=0.2)
    await cold.start()
    ana = telegram.user("Ana")
    chat = telegram.private(ana)
    telegram.fail("sendMessage", stall(30))
    telegram.say(chat, ana, "hi")
    await cold.sees_exactly(chat, "Answer 1.", "Answer 1.")
    await cold.quiet()
    assert await cold.history(chat) == ["Ana: hi", "Mara: Answer 1."]


async def test_again_takes_the_old_answer_back(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.say(chat, ana, "/again")
    await bot.sees_exactly(chat, "Answer 2.")
    assert await bot.history(chat) == ["Ana: hi", "Mara: Answer 2."]
