"""What Telegram refuses is sent the next best way, and only then given up, visibly."""

import asyncio

import pytest

from tests.fakes.telegram_server import TelegramServer, refuse
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


@pytest.mark.parametrize(
    "reason", ["bot was blocked by the user", "bot was kicked from the group chat", "user is deactivated"]
)
async def test_a_forbidden_answer_is_dropped_with_a_line(
    bot: Bot, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat, other = bot.fake.private(ana), bot.fake.private(bo)
    bot.fake.fail("sendMessage", refuse(403, reason))
    bot.fake.say(chat, ana, "hi")
    await bot.fake.until(lambda: bot.fake.called("sendMessage"))
    await bot.quiet()
    bot.fake.say(other, bo, "hi")
    await bot.sees_exactly(other, "Answer 2.")
    await bot.quiet()
    assert bot.fake.visible(chat) == []
    (line,) = [record for record in caplog.records if record.message == "send_refused"]
    assert reason in line.__dict__["reason"]
    assert (await bot.memory.status()).unsent == 0


async def test_the_bot_kicked_while_it_answers_goes_on_elsewhere(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group, chat = bot.fake.group("Harbour", ana), bot.fake.private(ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.engine.holding.wait()
    bot.fake.kick(group, ana)
    bot.engine.hold.set()
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Answer 2.")
    await bot.quiet()
    assert (bot.fake.visible(group), (await bot.memory.status()).unsent) == ([], 0)


@pytest.mark.parametrize("reason", ["chat not found", "not enough rights to send text messages to the chat"])
async def test_an_answer_to_a_chat_that_takes_none_is_dropped(bot: Bot, reason: str) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.fail("sendMessage", refuse(400, reason))
    bot.fake.say(chat, ana, "hi")
    await bot.fake.until(lambda: bot.fake.called("sendMessage"))
    await bot.quiet()
    assert (len(bot.fake.called("sendMessage")), (await bot.memory.status()).unsent) == (1, 0)


async def test_people_are_told_of_an_answer_that_telegram_refuses(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.script.append("**words**")
    bot.fake.fail("sendMessage", refuse(400, "MESSAGE_NOT_WANTED"), times=2)
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Telegram did not take an answer of mine here.")
    await bot.quiet()
    assert (await bot.memory.status()).unsent == 0
    assert "send_refused" in [record.message for record in caplog.records]


@pytest.mark.parametrize(
    "reason", ["message to be replied not found", "REPLY_MESSAGE_ID_INVALID", "message to reply not found"]
)
async def test_an_answer_whose_reply_is_refused_comes_without_it(bot: Bot, reason: str) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.fake.fail("sendMessage", refuse(400, reason))
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.sees_exactly(group, "Answer 1.")
    assert bot.fake.sent(group)[0].reply_to is None


async def test_an_answer_to_a_closed_topic_goes_to_the_group(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    forum = bot.fake.supergroup("Forum", ana, forum=True)
    topic = bot.fake.topic(forum, "Red", ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(forum, ana, "@lamp_bot hi", thread=topic)
    await bot.engine.holding.wait()
    forum.topics[topic] = False
    bot.engine.hold.set()
    await bot.sees_exactly(forum, "Answer 1.")
    assert bot.fake.sent(forum)[0].call.get("message_thread_id") is None


async def test_a_refused_edit_becomes_a_new_message(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.script.append("One two three.")
    bot.engine.delay = 0.1
    bot.fake.fail("editMessageText", refuse(400, "MESSAGE_EDIT_NOT_WANTED"), times=None)
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.fake.until(lambda: "One two three." in bot.fake.visible(group))
    await bot.quiet()
    assert bot.fake.visible(group) == ["One two three."]


async def test_an_answer_to_a_topic_that_is_gone_goes_to_the_group(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    forum = bot.fake.supergroup("Forum", ana, forum=True)
    topic = bot.fake.topic(forum, "Red", ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(forum, ana, "@lamp_bot hi", thread=topic)
    await bot.engine.holding.wait()
    del forum.topics[topic]
    bot.engine.hold.set()
    await bot.sees_exactly(forum, "Answer 1.")
    assert bot.fake.sent(forum)[0].call.get("message_thread_id") is None


async def test_marks_that_telegram_refuses_are_left_out(cold: Bot, telegram: TelegramServer) -> None:
    both(cold)
    await cold.start()
    ana = telegram.user("Ana")
    group = telegram.group("Harbour", ana)
    telegram.fail("sendMessage", refuse(400, "can't parse entities: unsupported"))
    telegram.say(group, ana, "@lamp_bot hi")
    await cold.sees_exactly(group, "Mara\nAnswer 1.")
    assert telegram.sent(group)[0].entities == []


async def test_the_last_edit_may_change_nothing(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.script.append("One two.")
    bot.engine.delay = 0.06
    bot.fake.fail(
        "editMessageText", refuse(400, "message is not modified: nothing is new", do=True), times=None
    )
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.sees_exactly(group, "One two.")
    await bot.quiet()
    assert (await bot.memory.status()).unsent == 0
