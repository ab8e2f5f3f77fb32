"""Commands and buttons on Telegram, done in order and for those who may."""

import asyncio

import pytest

from tests.fakes.telegram_server import TelegramServer, refuse, stall
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


@pytest.fixture
async def pair(cold: Bot) -> Bot:
    """A bot with two personas."""
    both(cold)
    await cold.start()
    return cold


async def test_the_menu_is_filled_once(cold: Bot) -> None:
    await cold.start()
    await cold.stop()
    names = [command["command"] for command in cold.fake.commands["default"]]
    assert names[:3] == ["help", "persona", "personas"]
    again = Bot(cold.fake, cold.folder)
    await again.start()
    await again.stop()
    assert len(cold.fake.called("setMyCommands")) == 1


async def test_a_menu_that_cannot_be_filled_stops_nothing(cold: Bot) -> None:
    cold.fake.fail("setMyCommands", refuse(400, "BOT_COMMAND_INVALID"))
    await cold.start()
    ana = cold.fake.user("Ana")
    chat = cold.fake.private(ana)
    cold.fake.say(chat, ana, "hi")
    await cold.sees_exactly(chat, "Answer 1.")


async def test_start_greets_in_an_empty_conversation_and_helps_later(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "/start")
    await bot.sees_exactly(chat, "Sit, Ana.")
    bot.fake.say(chat, ana, "/start")
    await bot.fake.until(lambda: len(bot.fake.sent(chat)) == 2)
    assert bot.fake.visible(chat)[1].startswith("/help  this list\n/persona [name] [where]  who speaks")
    assert await bot.history(chat) == ["Mara: Sit, Ana."]


async def test_a_command_is_answered_silently_and_is_no_part_of_the_conversation(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    asked = bot.fake.say(group, ana, "/stop@lamp_bot")
    await bot.sees_exactly(group, "Nothing is being said.")
    (message,) = bot.fake.sent(group)
    assert (message.reply_to, message.call["disable_notification"]) == (asked.id, True)
    await bot.quiet()
    assert await bot.history(group) == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("/persona ozzo", "Ozzo speaks here now."),
        ("/PERSONA@Lamp_Bot  Ozzo", "Ozzo speaks here now."),
        ("/persona reload", "Only an owner, named in config.toml, can have the personas read again."),
        ('/persona   "Ozzo"', "Ozzo speaks here now."),
        ("/persona\nozzo", "Ozzo speaks here now."),
        ("/persona\u00a0“OZZO”", "Ozzo speaks here now."),
        ("/persona oz", "Ozzo speaks here now."),
        ("/persona ozo", "There is no persona 'ozo'. Nearest is ozzo; known are mara, ozzo."),
        (
            "/presona mara",
            "There is no command /presona. Nearest is /persona or /personas; /help lists them.",
        ),
        ("/foo", "There is no command /foo. /help lists them."),
        ("/settings listen on", "listen is on for this chat."),
        ("/Settings LISTEN Yes", "listen is on for this chat."),
        ("/post Ahoy there", "Ahoy there"),
        ("/settings listen perhaps", "listen is on, off or default, not 'perhaps'."),
        ("/why", "Nothing has been decided here yet."),
        ("/continue", "There is no answer yet that could go on."),
        ("/reset", "The conversation begins anew; what was said before is no longer read."),
    ],
)
async def test_commands_of_the_table_are_understood(pair: Bot, text: str, answer: str) -> None:
    ana = pair.fake.user("Ana")
    chat = pair.fake.private(ana)
    pair.fake.say(chat, ana, text)
    await pair.fake.until(lambda: answer in pair.fake.visible(chat))
    await pair.quiet()


async def test_status_shows_the_age_of_the_last_poll(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "/status")
    await bot.fake.until(lambda: bot.fake.visible(chat))
    assert bot.fake.visible(chat)[0].startswith("telegram  polled 0 s ago")


async def test_a_chosen_persona_survives_a_restart_and_is_the_places_own(cold: Bot) -> None:
    both(cold)
    await cold.start()
    ana, bo = cold.fake.user("Ana"), cold.fake.user("Bo")
    chat, other = cold.fake.private(ana), cold.fake.private(bo)
    cold.fake.say(chat, ana, "/persona ozzo")
    await cold.sees_exactly(chat, "Ozzo speaks here now.")
    await cold.quiet()
    await cold.stop()
    again = Bot(cold.fake, cold.folder)
    both(again)
    await again.start()
    again.fake.say(chat, ana, "hi")
    again.fake.say(other, bo, "hi")
    await again.quiet()
    assert (await again.history(chat))[-1].startswith("Ozzo: ")
    assert (await again.history(other))[-1].startswith("Mara: ")
    await again.stop()


async def test_commands_of_a_place_run_in_order_and_hold_up_no_other(bot: Bot) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat, other = bot.fake.private(ana), bot.fake.private(bo)
    bot.fake.fail("sendMessage", stall(1.5), when=lambda said: said["chat_id"] == chat.id)
    for text in ("/settings listen on", "/settings listen off", "/settings listen default"):
        bot.fake.say(chat, ana, text)
    bot.fake.say(other, bo, "hi")
    await bot.sees_exactly(other, "Answer 1.")
    ends = ("on for this chat.", "off for this chat.", "default for this chat.")
    await bot.sees_exactly(chat, *(f"listen is {end}" for end in ends))
    assert bot.fake.sent(other)[0].at < bot.fake.sent(chat)[1].at


async def test_stop_waits_for_no_other_command(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Answer 1.")
    bot.engine.hold, bot.engine.holding = asyncio.Event(), asyncio.Event()
    bot.fake.say(chat, ana, "/continue")
    await bot.engine.holding.wait()
    bot.fake.say(chat, ana, "/stop")
    await bot.fake.until(lambda: len(bot.fake.sent(chat)) == 2)
    assert bot.fake.visible(chat)[1] == "Stopped."


async def test_personas_are_chosen_by_button(pair: Bot) -> None:
    ana = pair.fake.user("Ana")
    chat = pair.fake.private(ana)
    pair.fake.say(chat, ana, "/persona")
    await pair.fake.until(lambda: pair.fake.sent(chat))
    menu = pair.fake.sent(chat)[0]
    assert [button["text"] for button in menu.buttons] == ["Mara", "Ozzo"]
    press = pair.fake.press(ana, menu, "Ozzo")
    await pair.fake.until(lambda: menu.text == "Ozzo speaks here now.")
    assert (menu.buttons, press.answer) == ([], {"callback_query_id": press.id})
    assert (await pair.chat.resident(pair.place(chat))).key == "ozzo"


async def test_settings_have_buttons_for_admins(pair: Bot) -> None:
    ana, bo = pair.fake.user("Ana"), pair.fake.user("Bo")
    group = pair.fake.group("Harbour", ana, bo)
    pair.fake.say(group, bo, "/settings")
    await pair.fake.until(lambda: len(pair.fake.sent(group)) == 1)
    assert pair.fake.sent(group)[0].buttons == []
    pair.fake.say(group, ana, "/settings")
    await pair.fake.until(lambda: len(pair.fake.sent(group)) == 2)
    menu = pair.fake.sent(group)[1]
    assert [b["text"] for b in menu.buttons] == ["listen: on", "names: off", "bots: on", "open: on"]
    pair.fake.press(ana, menu, "listen: on")
    await pair.fake.until(lambda: menu.buttons[0]["text"] == "listen: off")
    assert "listen  on  this chat" in menu.text
    pair.fake.press(ana, menu, "listen: off")
    await pair.fake.until(lambda: menu.buttons[0]["text"] == "listen: on")
    assert all(len(b["callback_data"].encode()) <= 64 for b in menu.buttons)


async def test_every_press_is_answered_also_one_that_comes_too_late(pair: Bot) -> None:
    ana = pair.fake.user("Ana")
    chat = pair.fake.private(ana)
    pair.fake.say(chat, ana, "/persona")
    await pair.fake.until(lambda: pair.fake.sent(chat))
    menu = pair.fake.sent(chat)[0]
    forged = pair.fake.press(ana, menu, "9999", forged=True)
    await pair.fake.until(lambda: forged.answer)
    assert forged.answer
    assert forged.answer["text"].startswith("These buttons are too old")
    late = pair.fake.press(ana, menu, "Mara")
    pair.fake.expire(late)
    await pair.fake.until(lambda: menu.text == "Mara speaks here now.")
    pair.fake.say(chat, ana, "hi")
    await pair.fake.until(lambda: "Answer 1." in pair.fake.visible(chat))


async def test_a_long_answer_to_a_command_comes_in_parts(cold: Bot, telegram: TelegramServer) -> None:
    both(cold)
    cold.cast.broken.update({f"broken{n}": "its card cannot be read " * 10 for n in range(30)})
    cold.owners = ("5000000001",)
    await cold.start()
    ana = telegram.user("Ana")
    chat = telegram.private(ana)
    telegram.say(chat, ana, "/personas")
    await telegram.until(lambda: "broken29" in "".join(telegram.visible(chat)))
    assert len(telegram.sent(chat)) == 2


async def test_a_command_is_done_once_however_often_it_is_delivered(cold: Bot) -> None:
    await cold.start()
    ana = cold.fake.user("Ana")
    chat = cold.fake.private(ana)
    message = cold.fake.say(chat, ana, "/post Ahoy")
    await cold.sees_exactly(chat, "Ahoy")
    cold.fake.repeat(message, 4)
    cold.fake.push({"message": message.wire})
    await cold.quiet()
    await cold.stop()
    again = Bot(cold.fake, cold.folder)
    await again.start()
    again.fake.push({"message": message.wire})
    again.fake.say(chat, ana, "hi")
    await again.sees_exactly(chat, "Ahoy", "Answer 1.")
    await again.stop()


async def test_a_command_from_long_ago_is_not_done(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "/post Ahoy", date=1_000_000_000)
    bot.fake.say(chat, ana, "/post Now")
    await bot.sees_exactly(chat, "Now")
