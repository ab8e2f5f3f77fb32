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


async def test_an_answer_whose_beginning_was_deleted_is_sent_anew(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.script.append("One two three.")
    bot.engine.delay = 0.1
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.fake.until(lambda: bot.fake.sent(group))
    bot.fake.sent(group)[0].deleted = True
    await bot.sees_exactly(group, "One two three.")


async def test_again_takes_the_old_answer_back(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.say(chat, ana, "/again")
    await bot.sees_exactly(chat, "Answer 2.")
    assert await bot.history(chat) == ["Ana: hi", "Mara: Answer 2."]
