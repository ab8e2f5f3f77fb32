"""What python-telegram-bot does by itself when it sends and parses: an upgrade that changes it is noticed."""

import asyncio
import inspect
import logging
import signal
from datetime import timedelta
from typing import Any

import pytest
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram import InlineQueryResultArticle as Article
from telegram import InputTextMessageContent as Content
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import HTTPXRequest

from tests.fakes.telegram.client import builder, connected, script
from tests.fakes.telegram.room import Person
from tests.fakes.telegram_server import (
    TelegramServer,
    bad_gateway,
    call_back,
    garbage,
    refuse,
    reset,
    stall,
    unauthorized,
)

pytest_plugins = ["tests.fakes.telegram.fixture"]
pytestmark = pytest.mark.usefixtures("durations_as_timedelta")


def cases() -> dict[str, tuple[Any, type[TelegramError], str]]:
    """Faults by name, with the error that a send then raises and what it says."""
    return {
        "blocked": (
            refuse(403, "bot was blocked by the user"),
            Forbidden,
            "Forbidden: bot was blocked by the user",
        ),
        "bad gateway": (
            bad_gateway(do=False),
            NetworkError,
            "Bad Gateway (502). Parsing the server response",
        ),
        "garbage": (garbage(do=False), TelegramError, "Invalid server response"),
        "reset": (reset(do=False), NetworkError, "httpx.ReadError"),
        "unauthorized": (unauthorized(), InvalidToken, "Unauthorized"),
        "server error": (refuse(500, "Internal Server Error"), NetworkError, "Internal Server Error"),
    }


@pytest.mark.parametrize("name", cases())
async def test_a_failed_send_raises_at_once_and_is_not_tried_again(
    telegram: TelegramServer, ana: Person, name: str
) -> None:
    fault, kind, said = cases()[name]
    telegram.fail("sendMessage", fault)
    async with connected(telegram) as bot:
        with pytest.raises(kind) as caught:
            await bot.send_message(ana.chat.id, "hello")
    assert (type(caught.value), str(caught.value).startswith(said)) == (kind, True), str(caught.value)
    assert len(telegram.called("sendMessage")) == 1
    assert telegram.token not in str(caught.value)


async def test_a_migrated_group_tells_its_new_id(telegram: TelegramServer, ana: Person) -> None:
    group = telegram.group("Attic", ana.user)
    new = telegram.migrate(group)
    async with connected(telegram) as bot:
        with pytest.raises(ChatMigrated) as caught:
            await bot.send_message(group.id, "hello")
    assert caught.value.new_chat_id == new.id


async def test_a_limit_raises_at_once_without_a_limiter(telegram: TelegramServer, ana: Person) -> None:
    telegram.limits.close(ana.chat.id, 30)
    async with connected(telegram) as bot:
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(ana.chat.id, "hello")
    assert caught.value.retry_after == timedelta(seconds=30)
    assert len(telegram.called("sendMessage")) == 1


async def test_the_limiter_lets_one_limited_group_hold_up_everything(
    telegram: TelegramServer, ana: Person
) -> None:
    pytest.importorskip("aiolimiter", reason="AIORateLimiter needs aiolimiter, which the bot does not use")
    from telegram.ext import AIORateLimiter

    group = telegram.group("Attic", ana.user)
    telegram.limits.close(group.id, 1)
    async with builder(telegram).rate_limiter(AIORateLimiter(max_retries=2)).build() as application:
        limited = asyncio.create_task(application.bot.send_message(group.id, "late"))
        await telegram.until(lambda: telegram.refusals)
        await asyncio.sleep(0.05)  # until the client has heard of it too
        await asyncio.gather(
            limited, application.bot.send_message(ana.chat.id, "other"), application.bot.get_me()
        )
    (refused,) = telegram.refusals
    waited = [*telegram.called("sendMessage")[1:], telegram.called("getMe")[-1]]
    assert all(call.at - refused.at >= 1.0 for call in waited)


async def test_the_limiter_spaces_out_the_messages_of_a_group_and_its_edits(
    telegram: TelegramServer, ana: Person
) -> None:
    pytest.importorskip("aiolimiter", reason="AIORateLimiter needs aiolimiter, which the bot does not use")
    from telegram.ext import AIORateLimiter

    group = telegram.group("Attic", ana.user)
    limiter = AIORateLimiter(group_max_rate=2, group_time_period=0.4)
    async with builder(telegram).rate_limiter(limiter).build() as application:
        sent = await application.bot.send_message(group.id, "0")
        for n in range(1, 4):
            await application.bot.edit_message_text(str(n), group.id, sent.message_id)
    times = [call.at for call in telegram.calls if call.method in ("sendMessage", "editMessageText")]
    assert times[3] - times[0] >= 0.3


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


async def test_a_hung_send_times_out_and_may_have_been_sent(telegram: TelegramServer, ana: Person) -> None:
    telegram.fail("sendMessage", stall(30))
    async with connected(telegram, read_timeout=0.2) as bot:
        with pytest.raises(TimedOut):
            await bot.send_message(ana.chat.id, "hello")
    assert telegram.visible(ana.chat) == ["hello"]
    assert inspect.signature(HTTPXRequest).parameters["read_timeout"].default == 5.0


async def test_trying_again_after_a_lost_answer_leaves_two_copies(
    telegram: TelegramServer, ana: Person
) -> None:
    telegram.fail("sendMessage", reset())
    async with connected(telegram) as bot:
        with pytest.raises(NetworkError):
            await bot.send_message(ana.chat.id, "hello")
        await bot.send_message(ana.chat.id, "hello")
    assert telegram.visible(ana.chat) == ["hello", "hello"]


async def test_a_bot_killed_in_its_send_window_has_sent(telegram: TelegramServer, ana: Person) -> None:
    process = await script(
        telegram, f"await bot.send_message({ana.chat.id}, 'hello')\n        print('heard of it')"
    )

    async def kill(_: object) -> None:
        process.kill()
        await process.wait()

    telegram.fail("sendMessage", call_back(kill))
    output, _ = await process.communicate()
    assert (telegram.visible(ana.chat), output, process.returncode) == (["hello"], b"", -signal.SIGKILL)


async def test_every_call_writes_the_token_into_the_log(
    telegram: TelegramServer, ana: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(telegram) as bot:
        await bot.send_message(ana.chat.id, "hello")
        assert telegram.token in repr(bot)
    leaks = [record for record in caplog.records if telegram.token in record.getMessage()]
    assert [(record.name, record.levelname) for record in leaks] == [("httpx", "INFO")] * 2


async def test_a_wrong_token_ends_the_start(telegram: TelegramServer) -> None:
    async def start() -> None:
        async with Bot("1:wrong", f"{telegram.url}/bot"):
            raise AssertionError("started with a wrong token")

    with pytest.raises(InvalidToken):
        await start()


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
