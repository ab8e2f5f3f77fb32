"""Inbound updates on Telegram: groups, topics, edits, other bots and memberships."""

import logging

import pytest

from bot.config import ChatSettings
from bot.message import Author
from tests.fakes.telegram_server import TelegramServer
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


async def test_a_private_message_is_answered(bot: Bot) -> None:
    ana = bot.fake.user("Ana", "ana_ray")
    chat = bot.fake.private(ana)
    bot.engine.script.append("Aye, it is wet.")
    bot.fake.say(chat, ana, "Rain?")
    await bot.sees_exactly(chat, "Aye, it is wet.")
    await bot.quiet()
    assert await bot.history(chat) == ["Ana: Rain?", "Mara: Aye, it is wet."]


async def test_links_code_addresses_and_quotes_call_no_persona(bot: Bot) -> None:
    bot.fake.privacy = False
    ana = bot.fake.user("Ana", "ana_ray")
    chat = bot.fake.group("Harbour", ana)
    for text in (
        ":mara:",
        "see https://x.example/mara",
        "`mara`",
        "> Mara said so",
        "@mara_fan",
        "a@mara.example",
    ):
        bot.fake.say(chat, ana, text)
    bot.fake.say(chat, ana, "https://mara.example Mara, my bags!")
    await bot.sees_exactly(chat, "Answer 1.")
    await bot.quiet()
    assert len(bot.engine.requests) == 1


async def test_a_group_with_privacy_mode_answers_messages_to_the_bot(bot: Bot) -> None:
    both(bot)
    ana, bo = bot.fake.user("Ana", "ana_ray"), bot.fake.user("Bo", "bo_lin")
    chat = bot.fake.group("Harbour", ana, bo)
    bot.fake.say(chat, ana, "We talk about boats.")
    bot.fake.say(chat, ana, "@lamp_bot hello")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.say(chat, bo, "And what else?", reply_to=bot.fake.sent(chat)[0])
    await bot.sees_exactly(chat, "Answer 1.", "Answer 2.")
    assert [m.reply_to for m in bot.fake.sent(chat)] == [2, 4]
    await bot.quiet()
    assert await bot.history(chat) == [
        "Ana: @lamp_bot hello",
        "Mara: Answer 1.",
        "Bo: And what else?",
        "Mara: Answer 2.",
    ]


async def test_a_group_is_remembered_where_the_bot_hears_everything(bot: Bot) -> None:
    bot.fake.privacy = False
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat = bot.fake.supergroup("Harbour", ana, bo)
    bot.fake.say(chat, ana, "We talk about boats.")
    bot.fake.say(chat, bo, "Red ones.")
    bot.fake.say(chat, bo, "Mara, which?")
    await bot.sees_exactly(chat, "Answer 1.")
    assert "Ana: We talk about boats.\nBo: Red ones.\nBo: Mara, which?<" in bot.engine.prompts()[0]


async def test_forum_topics_are_places_of_their_own_and_reply_threads_are_none(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    forum, plain = bot.fake.supergroup("Forum", ana, forum=True), bot.fake.supergroup("Plain", ana)
    red, blue = bot.fake.topic(forum, "Red", ana), bot.fake.topic(forum, "Blue", ana)
    bot.fake.say(forum, ana, "@lamp_bot red", thread=red)
    bot.fake.say(forum, ana, "@lamp_bot blue", thread=blue)
    bot.fake.say(forum, ana, "@lamp_bot general")
    first = bot.fake.say(plain, ana, "@lamp_bot plain")
    await bot.fake.until(lambda: len(bot.fake.sent()) == 4)
    bot.fake.say(plain, ana, "@lamp_bot still plain", reply_to=first)
    await bot.fake.until(lambda: len(bot.fake.sent()) == 5)
    await bot.quiet()
    assert {m.call.get("message_thread_id") for m in bot.fake.sent(forum)} == {red, blue, None}
    assert {action.thread for action in bot.fake.actions(forum)} == {red, blue, None}
    assert (await bot.history(forum, red))[0] == "Ana: @lamp_bot red"
    assert len(await bot.history(forum, blue)) == len(await bot.history(forum)) == 2
    assert len(await bot.history(plain)) == 4


async def test_an_edited_message_is_read_as_edited_and_not_answered_anew(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    message = bot.fake.say(chat, ana, "Rain?")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.edit(message, "Snow?")
    await bot.quiet()
    assert await bot.history(chat) == ["Ana: Snow?", "Mara: Answer 1."]
    assert len(bot.engine.requests) == 1


async def test_a_linked_channels_posts_are_stored_and_not_answered(bot: Bot) -> None:
    bot.fake.privacy = False
    ana = bot.fake.user("Ana")
    group = bot.fake.supergroup("Talk", ana)
    channel = bot.fake.channel("News", ana, discussion=group)
    bot.fake.post(channel, "The boats are in.")
    await bot.quiet()
    assert await bot.history(group) == ["News: The boats are in."]
    assert await bot.history(channel) == ["News: The boats are in."]
    assert (await bot.memory.history(bot.place(group)))[0].author == Author(str(channel.id), "News")
    bot.fake.post(channel, "@lamp_bot what do you say?")
    await bot.fake.until(lambda: bot.fake.sent(group) and bot.fake.sent(channel))


async def test_an_anonymous_admins_author_is_the_group(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.supergroup("Talk", ana)
    bot.fake.say(group, ana, "@lamp_bot hello", anonymous=True)
    await bot.sees_exactly(group, "Answer 1.")
    assert (await bot.memory.history(bot.place(group)))[0].author == Author(str(group.id), "Talk")


async def test_guests_and_businesses_get_nothing_and_leave_nothing(bot: Bot) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat, foreign = bot.fake.private(ana), bot.fake.group("Elsewhere", bo)
    connection = bot.fake.connect_business(bo)
    await bot.fake.until(lambda: bot.fake.updates.polling)
    bot.fake.guest(foreign, bo, "@lamp_bot guest")
    bot.fake.say(chat, bo, "business", business=connection)
    wire = bot.fake.say(chat, ana, "seen").wire
    for kind in ("guest_message", "business_message", "edited_business_message"):
        bot.fake.push({kind: wire | {"message_id": 900, "text": "pushed"}})
    for field in ("guest_query_id", "business_connection_id"):
        bot.fake.push({"message": wire | {"message_id": 901, field: "x", "text": "pushed"}})
        bot.fake.push({"edited_message": wire | {field: "x", "text": "pushed"}})
    await bot.sees_exactly(chat, "Answer 1.")
    await bot.quiet()
    assert [str(one.place) for one in await bot.memory.places()] == [str(bot.place(chat))]
    assert await bot.history(chat) == ["Ana: seen", "Mara: Answer 1."]
    assert (await bot.memory.status()).dead == 0


async def test_other_bots_are_not_answered_and_where_they_are_the_talk_ends(bot: Bot) -> None:
    bot.fake.privacy = False
    ana, peer = bot.fake.user("Ana"), bot.fake.user("Peer", "peer_bot", is_bot=True)
    chat = bot.fake.supergroup("Bots", ana, peer)
    bot.fake.say(chat, peer, "@lamp_bot hello")
    await bot.quiet()
    assert bot.fake.sent(chat) == []
    await bot.memory.set_setting(str(bot.place(chat)), "bots", "on")
    for turn in range(1, 12):  # the peer answers at once, for ever
        bot.fake.say(chat, peer, f"@lamp_bot turn {turn}")
        await bot.quiet()
    assert 1 <= len(bot.fake.sent(chat)) <= 4
    bot.fake.say(chat, ana, "@lamp_bot and me?")
    before = len(bot.fake.sent(chat))
    await bot.fake.until(lambda: len(bot.fake.sent(chat)) == before + 1)


async def test_a_group_that_the_bot_is_brought_into_is_greeted_once(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.group("Harbour", ana, bot="left")
    await bot.fake.until(lambda: bot.fake.updates.polling)
    bot.fake.invite(chat, ana)
    await bot.sees_exactly(chat, "Sit, Ana.")
    bot.fake.kick(chat, ana)
    bot.fake.invite(chat, ana)
    await bot.quiet()
    await bot.sees_exactly(chat, "Sit, Ana.")


async def test_a_block_and_a_removal_from_a_group_are_logged(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    with caplog.at_level(logging.WARNING):
        bot.fake.block(ana)
        bot.fake.kick(group, ana)
        await bot.quiet()
    assert [(r.message, r.__dict__["place"]) for r in caplog.records] == [
        ("blocked_by_user", str(bot.place(bot.fake.private(ana)))),
        ("removed_from_group", str(bot.place(group))),
    ]
    for record in caplog.records:
        place, remedy = record.__dict__["place"], record.__dict__["remedy"]
        assert remedy.endswith(f"data forget --place {place}")


async def test_a_message_that_is_too_long_gets_a_notice_and_is_not_stored(
    cold: Bot, telegram: TelegramServer
) -> None:
    cold.settings = ChatSettings(debounce=0, message_characters=100)
    await cold.start()
    ana = telegram.user("Ana")
    chat, group = telegram.private(ana), telegram.group("Harbour", ana)
    telegram.privacy = False
    telegram.say(chat, ana, "x" * 101)
    telegram.say(group, ana, "x" * 101)
    await cold.sees_exactly(chat, "The message has 101 characters; at most 100 fit. Send it in parts.")
    telegram.say(chat, ana, "x" * 100)
    await telegram.until(lambda: len(telegram.sent(chat)) == 2)
    await cold.quiet()
    assert (await cold.memory.status()).dead == 2
    assert await cold.history(chat) == [f"Ana: {'x' * 100}", "Mara: Answer 1."]
    assert telegram.sent(group) == []
