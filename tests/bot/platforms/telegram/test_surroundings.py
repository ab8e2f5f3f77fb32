"""What Telegram delivers around a message reaches the persona: quotes, forwards, media, reactions."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.chat.intake import UNREAD
from bot.persona.persona import Cast
from tests.conftest import MARA
from tests.evening.moments import FILE, POLL
from tests.evening.telegram_evening import service
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]

BO = "The tide table is wrong."


def prompt(bot: Bot) -> str:
    return bot.engine.prompts()[-1]


async def test_a_reply_to_a_message_that_privacy_mode_hid_is_quoted(bot: Bot) -> None:
    """vm0-ai/vm0#4006; griffinwork40/agent-afk#688; n3d1117/chatgpt-telegram-bot#298; openclaw#70576."""
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat = bot.fake.supergroup("Harbour", ana, bo)
    hidden = bot.fake.say(chat, bo, BO)
    bot.fake.say(chat, ana, "@lamp_bot what does this mean?", reply_to=hidden)
    await bot.sees_exactly(chat, "Answer 1.")
    assert f"[In reply to Bo: {BO}]\nAna: @lamp_bot what does this mean?<" in prompt(bot)


async def test_the_part_that_somebody_selected_is_quoted(bot: Bot) -> None:
    """anthropics/claude-plugins-official#2788."""
    bot.fake.privacy = False
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat = bot.fake.supergroup("Harbour", ana, bo)
    known = bot.fake.say(chat, bo, "word " * 128 + "the third lamp " + "word " * 50)
    quote = {"text": "the third lamp", "position": 640, "is_manual": True}
    bot.fake.say(chat, ana, "@lamp_bot which?", reply_to=known, quote=quote)
    await bot.sees_exactly(chat, "Answer 1.")
    assert "[In reply to Bo: the third lamp]\nAna: @lamp_bot which?<" in prompt(bot)


ORIGINS: list[tuple[dict[str, Any], str]] = [
    ({"type": "user", "sender_user": {"id": 70, "is_bot": False, "first_name": "Cy"}}, "Cy"),
    ({"type": "hidden_user", "sender_user_name": "Mara"}, "Mara (2)"),
    ({"type": "chat", "sender_chat": {"id": -9, "type": "supergroup", "title": "Quay"}}, "Quay"),
    ({"type": "channel", "chat": {"id": -8, "type": "channel", "title": "News"}, "message_id": 3}, "News"),
]


@pytest.mark.parametrize(("origin", "name"), ORIGINS)
async def test_a_reply_to_another_chats_message_is_quoted(
    bot: Bot, origin: dict[str, Any], name: str
) -> None:
    """NetGreenChat/TgLlmBot#30."""
    ana = bot.fake.user("Ana")
    chat = bot.fake.supergroup("Harbour", ana)
    external = {"origin": origin | {"date": 100}, "message_id": 9}
    quote = {"text": "the third lamp", "position": 0}
    bot.fake.say(chat, ana, "@lamp_bot which?", external_reply=external, quote=quote)
    await bot.sees_exactly(chat, "Answer 1.")
    assert f"[In reply to {name}: the third lamp]\nAna: @lamp_bot which?<" in prompt(bot)


@pytest.mark.parametrize(("origin", "name"), ORIGINS)
async def test_a_forwarded_message_is_another_authors(bot: Bot, origin: dict[str, Any], name: str) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "The harbour closes.\nMara: aye", forward_origin=origin | {"date": 100})
    await bot.sees_exactly(chat, "Answer 1.")
    quote = f"[Forwarded from {name}: The harbour closes.\n  Mara: aye]"
    assert f"{quote}\nAna: [forwarded message]<" in prompt(bot)


async def test_what_was_forwarded_from_a_person_goes_with_the_person(bot: Bot) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, BO, forwarded_from=bo)
    await bot.sees_exactly(chat, "Answer 1.")
    assert (await bot.memory.erase_author(str(bo.id), "telegram")).quotations == 1
    bot.fake.say(chat, ana, "And now?")
    await bot.sees_exactly(chat, "Answer 1.", "Answer 2.")
    assert BO not in prompt(bot)
    assert "Ana: [removed message]" in prompt(bot)


async def test_an_edit_that_adds_the_mention_is_answered_once(bot: Bot) -> None:
    """plastic-labs/tutor-gpt#11."""
    bot.fake.privacy = False
    ana = bot.fake.user("Ana")
    chat = bot.fake.supergroup("Harbour", ana)
    said = bot.fake.say(chat, ana, "what is the tide?")
    await bot.quiet()
    bot.fake.edit(said, "@lamp_bot what is the tide?")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.edit(said, "@lamp_bot what is the tide now?")
    await bot.quiet()
    await bot.sees_exactly(chat, "Answer 1.")


@pytest.mark.parametrize(
    ("more", "text", "words"),
    [
        ({"photo": [FILE | {"width": 1, "height": 1}]}, "boat", "[picture] boat"),
        ({"document": FILE | {"file_name": "tides.pdf"}}, "", "[file: tides.pdf]"),
        ({"voice": FILE | {"duration": 12}}, "", "[voice message: 12 s]"),
        ({"poll": POLL}, "", "[poll: Tea? | Aye | No]"),
        ({"contact": {"phone_number": "555123", "first_name": "Cy"}}, "", "[contact: Cy]"),
        ({"location": {"latitude": 52.5, "longitude": 13.4}}, "", "[location: 52.50000, 13.40000]"),
    ],
)
async def test_what_came_with_a_message_is_named_and_its_sender_told_once(
    bot: Bot, more: dict[str, Any], text: str, words: str
) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    for _ in range(2):
        bot.fake.say(chat, ana, text, **more)
        await bot.quiet()
    assert f"Ana: {words}<" in prompt(bot)
    assert "555123" not in prompt(bot)
    await bot.sees_exactly(
        chat, *([UNREAD] if {"photo", "document", "voice"} & {*more} else []), "Answer 1.", "Answer 2."
    )


@pytest.mark.parametrize(("caption", "words"), [("", "[picture]"), ("boat", "[picture] boat")])
async def test_a_reply_to_a_picture_names_the_picture(bot: Bot, caption: str, words: str) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat = bot.fake.group("Harbour", ana, bo)
    shown = bot.fake.say(chat, bo, caption, photo=[FILE | {"width": 1, "height": 1}])
    bot.fake.say(chat, ana, "@lamp_bot what is this?", reply_to=shown)
    await bot.fake.until(lambda: "Answer 1." in bot.fake.visible(chat))
    assert f"[In reply to Bo: {words}]\nAna: @lamp_bot what is this?<" in prompt(bot)


async def test_a_part_of_a_caption_names_the_picture(bot: Bot) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat = bot.fake.group("Harbour", ana, bo)
    shown = bot.fake.say(chat, bo, "my boat", photo=[FILE | {"width": 1, "height": 1}])
    quote = {"text": "boat", "position": 3}
    bot.fake.say(chat, ana, "@lamp_bot which?", reply_to=shown, quote=quote)
    await bot.fake.until(lambda: "Answer 1." in bot.fake.visible(chat))
    assert "[In reply to Bo: [picture] boat]\nAna: @lamp_bot which?<" in prompt(bot)


async def test_reactions_pins_and_joins_are_read_where_the_persona_wants_them(bot: Bot) -> None:
    wanting = replace(MARA, notices=("reactions", "pins", "joins"))
    bot.chat._resources.cast = Cast({"mara": wanting}, {})
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat = bot.fake.supergroup("Harbour", ana, bo)
    bot.fake.promote(chat, bot.fake.bot, ana)
    bot.fake.say(chat, ana, "@lamp_bot tea?")
    await bot.sees_exactly(chat, "Answer 1.")
    answer = bot.fake.sent(chat)[0]
    bot.fake.react(bo, answer, "👍")
    bot.fake.react(bo, answer, "🌊", "👍")
    bot.fake.react(ana, answer, "🌊")
    bot.fake.react(ana, answer)
    bot.fake.push(service(901, chat, bo, {"new_chat_members": [bo.wire()]}))
    bot.fake.push(service(902, chat, bo, {"pinned_message": answer.wire}))
    await bot.quiet()
    assert await bot.history(chat) == [
        "Ana: @lamp_bot tea?",
        "Mara: Answer 1.",
        "Bo: [reacted with 🌊 👍]",
        "Bo: [joined]",
        "Bo: [pinned a message]",
    ]
    assert len(bot.engine.requests) == 1


async def test_notices_are_not_stored_where_nobody_wants_them(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "tea?")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.react(ana, bot.fake.sent(chat)[0], "👍")
    await bot.quiet()
    assert await bot.history(chat) == ["Ana: tea?", "Mara: Answer 1."]


async def test_a_message_that_privacy_mode_hid_is_answered_when_its_edit_calls_the_bot(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.supergroup("Harbour", ana)
    said = bot.fake.say(chat, ana, "what is the tide?")
    await bot.quiet()
    bot.fake.edit(said, "@lamp_bot what is the tide?")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.edit(said, "@lamp_bot what is the tide now?")
    await bot.quiet()
    await bot.sees_exactly(chat, "Answer 1.")


async def test_an_edit_that_calls_the_bot_is_answered_after_a_restart(bot: Bot) -> None:
    bot.fake.privacy = False
    ana = bot.fake.user("Ana")
    chat = bot.fake.supergroup("Harbour", ana)
    said = bot.fake.say(chat, ana, "what is the tide?")
    await bot.quiet()
    bot.engine.hold = asyncio.Event()
    bot.fake.edit(said, "@lamp_bot what is the tide?")
    await bot.fake.until(lambda: bot.engine.requests)
    await bot.stop()
    bot.engine.hold = None
    await bot.start()
    await bot.fake.until(lambda: len(bot.fake.sent(chat)) == 1)


async def test_the_selected_part_of_the_bots_own_words_is_the_personas(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "Tea?")
    await bot.sees_exactly(chat, "Answer 1.")
    quote = {"text": "Answer", "position": 0, "is_manual": True}
    bot.fake.say(chat, ana, "why?", reply_to=bot.fake.sent(chat)[0], quote=quote)
    await bot.sees_exactly(chat, "Answer 1.", "Answer 2.")
    assert "[In reply to Mara: Answer]\nAna: why?<" in prompt(bot)


@pytest.mark.parametrize("words", ["/me hugs her", "/ooc Mara, brb"])
async def test_gestures_in_a_group_are_words(bot: Bot, words: str) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.supergroup("Harbour", ana)
    bot.fake.say(chat, ana, "@lamp_bot tea?")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.fake.say(chat, ana, words, reply_to=bot.fake.sent(chat)[0])
    await bot.sees_exactly(chat, "Answer 1.", "Answer 2.")
