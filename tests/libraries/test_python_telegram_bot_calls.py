"""python-telegram-bot's calls and updates: the texts it refuses, and each method and update it parses."""

import asyncio

import pytest
from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram import InlineQueryResultArticle as Article
from telegram import InputTextMessageContent as Content
from telegram.error import (
    BadRequest,
)

from tests.fakes.telegram.client import builder, connected
from tests.fakes.telegram.room import Person
from tests.fakes.telegram_server import (
    TelegramServer,
)

pytest_plugins = ["tests.fakes.telegram.fixture"]
pytestmark = pytest.mark.usefixtures("durations_as_timedelta")


async def test_sixty_chats_are_written_to_side_by_side(telegram: TelegramServer) -> None:
    chats = [telegram.private(telegram.user(f"U{n}")) for n in range(60)]
    async with builder(telegram).build() as application:
        await asyncio.gather(*(application.bot.send_message(chat.id, "hello") for chat in chats))
    assert [telegram.visible(chat) for chat in chats] == [["hello"]] * 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x" * 5000, "Message is too long"),
        ("😀" * 2100, "Message is too long"),
        ("", "Message text is empty"),
        (" \n", "Text must be non-empty"),
    ],
)
async def test_texts_that_cannot_be_sent(telegram: TelegramServer, ana: Person, text: str, said: str) -> None:
    async with connected(telegram) as bot:
        with pytest.raises(BadRequest) as caught:
            await bot.send_message(ana.chat.id, text)
    assert str(caught.value) == said


async def test_unclosed_html_is_refused(telegram: TelegramServer, ana: Person) -> None:
    async with connected(telegram) as bot:
        with pytest.raises(BadRequest) as caught:
            await bot.send_message(ana.chat.id, "<b>unclosed", parse_mode="HTML")
    assert str(caught.value) == "Can't parse entities: can't find end tag corresponding to start tag \"b\""


async def test_edits_that_change_nothing_or_find_nothing_are_told_apart(
    telegram: TelegramServer, ana: Person
) -> None:
    async with connected(telegram) as bot:
        sent = await bot.send_message(ana.chat.id, "same")
        with pytest.raises(BadRequest, match=r"^Message is not modified: "):
            await bot.edit_message_text("same", ana.chat.id, sent.message_id)
        with pytest.raises(BadRequest, match=r"^Message to edit not found$"):
            await bot.edit_message_text("other", ana.chat.id, 999)
        with pytest.raises(BadRequest, match=r"^Message_too_long$"):
            await bot.edit_message_text("x" * 5000, ana.chat.id, sent.message_id)


async def test_every_kind_of_update_parses(telegram: TelegramServer, ana: Person) -> None:
    telegram.updates.allowed = list(Update.ALL_TYPES)
    bo, everybody = telegram.user("Bo", "bo_lund"), telegram.supergroup("Forum", ana.user, forum=True)
    telegram.change_member(everybody, telegram.bot, "administrator")
    connection = telegram.connect_business(bo)
    async with connected(telegram) as bot:
        buttons = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])
        sent = await bot.send_message(ana.chat.id, "Sure?", reply_markup=buttons)
        said = telegram.say(ana.chat, ana.user, "hello")
        telegram.edit(said, "hello there")
        telegram.press(ana.user, telegram.sent(ana.chat)[0], "Yes")
        telegram.react(ana.user, telegram.sent(ana.chat)[0], "👍")
        telegram.block(ana.user)
        telegram.promote(everybody, bo, ana.user)
        telegram.say(telegram.private(bo, started=False), ana.user, "open?", business=connection)
        telegram.guest(everybody, ana.user, "@lamp_bot hello")
        telegram.post(telegram.channel("News", bo), "extra")
        telegram.say(everybody, bo, "/ask", thread=telegram.topic(everybody, "Lamps", bo))
        updates = await bot.get_updates()
    kinds = [next(key for key in update.to_dict() if key != "update_id") for update in updates]
    assert kinds == [
        "my_chat_member",
        "business_connection",
        "message",
        "edited_message",
        "callback_query",
        "message_reaction",
        "my_chat_member",
        "chat_member",
        "business_message",
        "guest_message",
        "channel_post",
        "message",
        "message",
    ]
    assert updates[4].callback_query is not None
    assert updates[4].callback_query.message == sent


async def test_every_method_the_bot_may_use_parses(telegram: TelegramServer, ana: Person) -> None:
    forum = telegram.supergroup("Forum", ana.user, forum=True, bot="creator")
    inline = Article("1", "t", Content("on"))
    here, there = ana.chat.id, forum.id
    async with connected(telegram) as bot:
        topic = await bot.create_forum_topic(there, "Lamps")
        sent = await bot.send_message(there, "*x*", "MarkdownV2", message_thread_id=topic.message_thread_id)
        await bot.send_message(
            there, "y", reply_to_message_id=sent.message_id, allow_sending_without_reply=True
        )
        await bot.set_message_reaction(there, sent.message_id, "👍")
        document = (await bot.send_document(here, b"light", filename="lamp.txt", caption="look")).document
        assert document is not None
        assert bytes(await (await bot.get_file(document.file_id)).download_as_bytearray()) == b"light"
        photo = await bot.send_photo(here, b"\x89PNG")
        await bot.delete_messages(here, [photo.message_id])
        await bot.delete_message(there, sent.message_id)
        await bot.send_chat_action(here, "typing")
        await bot.send_message_draft(here, 7, "he")
        await bot.do_api_request(
            "sendRichMessageDraft", {"chat_id": here, "draft_id": 7, "rich_message": {"html": "he"}}
        )
        await bot.set_my_commands([BotCommand("ask", "Ask")])
        assert [command.command for command in await bot.get_my_commands()] == ["ask"]
        await bot.delete_my_commands()
        assert (await bot.get_chat(there)).is_forum
        assert (await bot.get_chat_member(there, ana.user.id)).status == "creator"
        assert len(await bot.get_chat_administrators(there)) == 2
        assert await bot.get_chat_member_count(there) == 2
        await bot.set_webhook("https://example.org/hook")
        assert (await bot.get_webhook_info()).url == "https://example.org/hook"
        await bot.delete_webhook()
        guest = telegram.guest(telegram.supergroup("Far", bot="left"), ana.user, "@lamp_bot")
        assert (await bot.answer_guest_query(guest, inline)).inline_message_id
        press = telegram.press(ana.user, telegram.sent(ana.chat)[0], "forged", forged=True)
        await bot.answer_callback_query(press.id, "no")
        await bot.leave_chat(there)
        await bot.close()
        await bot.log_out()
