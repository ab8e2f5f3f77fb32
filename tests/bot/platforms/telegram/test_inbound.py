"""What comes in on Telegram, and what the bot makes of it."""

import logging
from typing import Any

import pytest

from bot.config import ChatSettings
from bot.message import Author, Message, Place
from bot.platforms.telegram.events import BotAccount, EditEvent, IgnoredEvent, MessageEvent
from bot.platforms.telegram.translate import UnreadableUpdate, parse_update
from tests.fakes.telegram_server import TelegramServer
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]

ME = BotAccount(9, "lamp_bot")
ANA = {"id": 5, "is_bot": False, "first_name": "Ana", "last_name": "Ray"}
PRIVATE = {"id": 5, "type": "private", "first_name": "Ana"}


def said(**more: Any) -> str | None:
    """The words that are kept of a private message."""
    wire = {"message_id": 1, "date": 100, "chat": PRIVATE, "from": ANA} | more
    event = parse_update({"update_id": 1, "message": wire}, ME)
    return event.message.text if isinstance(event, MessageEvent) else None


async def test_a_private_message_is_answered(bot: Bot) -> None:
    ana = bot.fake.user("Ana", "ana_ray")
    chat = bot.fake.private(ana)
    bot.engine.script.append("Aye, it is wet.")
    bot.fake.say(chat, ana, "Rain?")
    await bot.sees_exactly(chat, "Aye, it is wet.")
    await bot.quiet()
    assert await bot.history(chat) == ["Ana: Rain?", "Mara: Aye, it is wet."]


def test_a_message_is_read_whole() -> None:
    wire = {"message_id": 4, "date": 100, "chat": PRIVATE, "from": ANA, "text": "Rain?"}
    replied = {"message_id": 3, "date": 99, "chat": PRIVATE, "from": {"id": 9, "is_bot": True}}
    place = Place("telegram", "9", "5")
    assert parse_update(
        {"update_id": 1, "message": wire | {"reply_to_message": replied}}, ME
    ) == MessageEvent(Message(place, "4", Author("5", "Ana Ray"), "Rain?", 100.0, "direct", "3"))
    assert parse_update({"update_id": 1, "edited_message": wire}, ME) == EditEvent(place, "4", "Rain?")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"photo": [{}], "caption": "my boat"}, "[picture] my boat"),
        ({"animation": {}, "document": {}}, "[animation]"),
        ({"document": {}}, "[file]"),
        ({"voice": {}}, "[voice message]"),
        ({"video_note": {}}, "[video message]"),
        ({"sticker": {"emoji": "🌊"}}, "🌊"),
        ({"sticker": {}}, "[sticker]"),
        ({"dice": {"emoji": "🎲", "value": 3}}, "🎲"),
        ({"location": {}}, "[location]"),
        ({"poll": {}}, "[poll]"),
        ({"text": "hear this", "forward_origin": {"type": "hidden_user"}}, "[forwarded] hear this"),
        ({"text": "/start of a story"}, None),
        ({"text": "/tmp/boat is there"}, "/tmp/boat is there"),
        ({"text": "/unheard of"}, "/unheard of"),
        ({"new_chat_members": [{}]}, None),
        ({"pinned_message": {}}, None),
    ],
)
def test_a_message_has_a_word_for_what_is_not_text(more: dict[str, Any], words: str | None) -> None:
    assert said(**more) == words


@pytest.mark.parametrize(
    ("text", "entity", "address"),
    [
        ("😀 @Lamp_Bot hi", {"type": "mention", "offset": 3, "length": 9}, "mention"),
        ("@lamp_bots hi", {"type": "mention", "offset": 0, "length": 10}, ""),
        ("Lamp hi", {"type": "text_mention", "offset": 0, "length": 4, "user": {"id": 9}}, "mention"),
        ("Lamp hi", {"type": "text_mention", "offset": 0, "length": 4, "user": {"id": 8}}, ""),
        ("/wave@lamp_bot", {"type": "bot_command", "offset": 0, "length": 14}, "mention"),
        ("hi", {"type": "mention", "offset": 90, "length": 9}, ""),
    ],
)
def test_a_mention_is_one_by_its_entity(text: str, entity: dict[str, Any], address: str) -> None:
    wire = {"message_id": 4, "date": 100, "chat": {"id": -5, "type": "group"}, "from": ANA}
    event = parse_update({"update_id": 1, "message": wire | {"text": text, "entities": [entity]}}, ME)
    assert isinstance(event, MessageEvent)
    assert event.message.address == address


@pytest.mark.parametrize("text", ["/roll 2d6", "/reset@other_bot", "/wave@other_bot hi"])
def test_other_bots_commands_in_a_group_are_left_alone(text: str) -> None:
    wire = {"message_id": 4, "date": 100, "chat": {"id": -5, "type": "group"}, "from": ANA, "text": text}
    assert parse_update({"update_id": 1, "message": wire}, ME) == IgnoredEvent("another bot's command")


@pytest.mark.parametrize(
    "broken",
    [
        {"date": 10**18},
        {"date": -1},
        {"date": "yesterday"},
        {"text": 5},
        {"chat": None},
        {"from": {"id": "x"}},
        {"message_id": 2.5},
        {"entities": [{"type": "mention", "offset": -1, "length": 3}]},
    ],
)
def test_what_is_not_as_telegram_has_it_cannot_be_read_and_is_not_quoted(broken: dict[str, Any]) -> None:
    wire = {"message_id": 4, "date": 100, "chat": PRIVATE, "from": ANA, "text": "canary"}
    with pytest.raises(UnreadableUpdate) as error:
        parse_update({"update_id": 1, "message": wire | broken}, ME)
    assert next(iter(broken)) in str(error.value)
    assert not {"canary", "yesterday"} & set(str(error.value).split())


async def test_a_group_with_privacy_mode_answers_who_speaks_to_it(bot: Bot) -> None:
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


async def test_a_linked_channels_posts_are_its_own_words_and_not_answered(bot: Bot) -> None:
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


async def test_an_anonymous_admin_speaks_as_the_group(bot: Bot) -> None:
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


async def test_being_blocked_and_put_out_stand_in_the_log(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
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


async def test_a_message_that_is_too_long_is_told_so_and_nothing_of_it_is_kept(
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
