"""Security on Telegram: permissions, texts that the log must not hold, and the separation of chats."""

import logging
from typing import Any

import pytest

from tests.fakes.telegram.chat import Chat, User
from tests.fakes.telegram_server import ANONYMOUS, TELEGRAM, TelegramServer, garbage, refuse
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]

COMMAND = "/settings listen on"
DONE = "listen is on for this chat."


class Scene:
    """A group with an admin, a member, an outsider's group, and a bot that takes everything in."""

    def __init__(self, bot: Bot) -> None:
        self.bot, self.fake = bot, bot.fake
        bot.fake.privacy = False
        self.admin, self.member = bot.fake.user("Ada", "ada_min"), bot.fake.user("Mel", "mel_ber")
        self.group = bot.fake.supergroup("Harbour", self.admin, self.member)
        self.other = bot.fake.supergroup("Other", self.member, self.admin)
        self.channel = bot.fake.channel("News", self.admin, discussion=self.group)
        self.peer = bot.fake.user("Peer", "peer_bot", is_bot=True)

    def forge(self, text: str) -> list[Any]:
        """Every way to have the command done without the right to it; returns what was tried."""
        say, group = self.fake.say, self.group
        tried = [
            say(group, self.member, text),
            say(group, self.peer, text),
            say(group, ANONYMOUS, text),  # the stand-in's account without a chat behind it
            say(group, ANONYMOUS, text, sender_chat=self.other),  # anonymous in another chat
            say(group, self.member, text, sender_chat=self.channel),
            say(group, User(136817688, "Channel", is_bot=True), text, sender_chat=self.channel),
            say(group, TELEGRAM, text, sender_chat=self.channel),
            say(group, TELEGRAM, text),
            say(group, self.admin, text, forwarded_from=self.admin),
            say(group, self.member, text, forwarded_from=self.admin),
            say(group, self.admin, text, via_bot=self.peer),
            say(group, User(self.member.id, "Ada", "ada_min"), text),  # an admin's name
            self.fake.post(self.channel, text),
        ]
        edited = say(group, self.admin, "hello")
        self.fake.edit(edited, text)
        wire = say(group, self.admin, "hello again").wire | {"text": text}
        for kind in ("guest_message", "business_message", "edited_message", "edited_channel_post"):
            tried.append(self.fake.push({kind: wire}))
        for field in ("guest_query_id", "business_connection_id"):
            tried.append(self.fake.push({"message": wire | {field: "x", "message_id": 990}}))
        signed = wire | {"chat": self.channel.wire(), "message_id": 991}
        tried.append(self.fake.push({"channel_post": signed}))
        return [*tried, edited]


@pytest.mark.parametrize(
    ("command", "done"),
    [
        (COMMAND, DONE),
        ("/settings@lamp_bot listen on", DONE),
        ("/sampling temperature 5", "temperature is 5 for this chat."),
    ],
)
async def test_no_forged_admin_changes_a_setting(bot: Bot, command: str, done: str) -> None:
    scene = Scene(bot)
    tried = scene.forge(command)
    await bot.quiet()
    executed = [await bot.memory.settings(str(bot.place(place))) for place in (scene.group, scene.channel)]
    assert (len(tried), executed) == (21, [{}, {}])
    bot.fake.say(scene.group, scene.admin, command)
    await bot.fake.until(lambda: done in bot.fake.visible(scene.group))


async def test_no_forged_admin_makes_the_persona_post(bot: Bot) -> None:
    scene = Scene(bot)
    scene.forge("/post I was forged")
    await bot.quiet()
    assert "I was forged" not in bot.fake.visible(scene.group)
    bot.fake.say(scene.group, scene.admin, "/post I was not")
    await bot.fake.until(lambda: "I was not" in bot.fake.visible(scene.group))


async def test_an_anonymous_admin_of_the_very_chat_may(bot: Bot) -> None:
    scene = Scene(bot)
    bot.fake.say(scene.group, scene.admin, COMMAND, anonymous=True)
    await bot.fake.until(lambda: DONE in bot.fake.visible(scene.group))


async def test_permissions_are_those_of_the_moment_of_the_command(bot: Bot) -> None:
    scene = Scene(bot)
    bot.fake.promote(scene.group, scene.member, scene.admin)
    bot.fake.say(scene.group, scene.member, COMMAND)
    await bot.fake.until(lambda: DONE in bot.fake.visible(scene.group))
    bot.fake.change_member(scene.group, scene.member, "member")
    bot.fake.say(scene.group, scene.member, "/settings listen off")
    await bot.fake.until(lambda: "Only an admin can change what holds here." in bot.fake.visible(scene.group))
    bot.fake.fail("getChatMember", refuse(400, "PARTICIPANT_ID_INVALID"))
    bot.fake.say(scene.group, scene.admin, "/settings listen off")
    await bot.fake.until(lambda: len(bot.fake.sent(scene.group)) == 3)
    assert await bot.memory.settings(str(bot.place(scene.group))) == {"listen": "on"}


async def test_an_owner_is_never_a_stand_in(cold: Bot, telegram: TelegramServer) -> None:
    cold.owners = ("1087968824", "777000", "136817688", "5000000009")
    await cold.start()
    scene = Scene(cold)
    scene.forge("/post I was forged")
    owner = telegram.add_user(User(5000000009, "Olga"))
    await cold.quiet()
    assert "I was forged" not in telegram.visible(scene.group)
    telegram.say(scene.group, owner, "/post I own this")
    await telegram.until(lambda: "I own this" in telegram.visible(scene.group))


async def test_a_press_needs_the_permissions_of_its_user(cold: Bot) -> None:
    both(cold)
    await cold.start()
    scene = Scene(cold)
    bo = cold.fake.user("Bo")
    cold.fake.change_member(scene.group, bo, "member")
    for asker, text in ((scene.admin, "/settings"), (scene.member, "/persona"), (scene.admin, "/persona")):
        cold.fake.say(scene.group, asker, text)
        count = len(cold.fake.sent(scene.group))
        await cold.fake.until(lambda count=count: len(cold.fake.sent(scene.group)) > count)  # type: ignore[misc]
    switches, mels, adas = cold.fake.sent(scene.group)
    assert mels.buttons == []
    tried = [
        cold.fake.press(scene.member, switches, "listen: on"),
        cold.fake.press(bo, adas, "Ozzo"),
        cold.fake.press(scene.member, adas, "Ozzo"),
        cold.fake.press(scene.member, mels, "0", forged=True),
        cold.fake.press(scene.member, adas, "7", forged=True),
        cold.fake.press(scene.member, adas, "-1", forged=True),
        cold.fake.press(scene.member, adas, "persona:ozzo", forged=True),
        cold.fake.press(scene.member, adas, "", forged=True),
    ]
    await cold.fake.until(lambda: all(press.answer for press in tried))
    refused = [press for press in tried if press.answer and press.answer.get("text")]
    assert len(refused) == len(tried)
    assert await cold.memory.settings(str(cold.place(scene.group))) == {}
    cold.fake.press(scene.admin, adas, "Ozzo")
    await cold.fake.until(lambda: adas.text == "Ozzo speaks here now.")


async def test_a_place_that_is_open_shows_everybody_the_personas_as_buttons(cold: Bot) -> None:
    both(cold)
    await cold.start()
    scene = Scene(cold)
    await cold.memory.set_setting(str(cold.place(scene.group)), "open", "on")
    cold.fake.say(scene.group, scene.member, "/persona")
    await cold.fake.until(lambda: cold.fake.sent(scene.group))
    menu = cold.fake.sent(scene.group)[0]
    cold.fake.press(scene.member, menu, "Ozzo")
    await cold.fake.until(lambda: menu.text == "Ozzo speaks here now.")


async def test_a_replayed_press_and_one_from_before_a_restart_do_nothing(cold: Bot) -> None:
    both(cold)
    await cold.start()
    ana = cold.fake.user("Ana")
    chat = cold.fake.private(ana)
    cold.fake.say(chat, ana, "/persona")
    await cold.fake.until(lambda: cold.fake.sent(chat))
    menu = cold.fake.sent(chat)[0]
    buttons = menu.wire["reply_markup"]
    first = cold.fake.press(ana, menu, "Ozzo")
    await cold.fake.until(lambda: menu.text == "Ozzo speaks here now.")
    menu.wire["reply_markup"] = buttons
    assert first.update_id
    cold.fake.updates.repeat(first.update_id, 3)
    replayed = cold.fake.press(ana, menu, "Mara")
    await cold.fake.until(lambda: replayed.answer)
    await cold.stop()
    again = Bot(cold.fake, cold.folder)
    both(again)
    await again.start()
    stale = cold.fake.press(ana, menu, "Mara")
    await cold.fake.until(lambda: stale.answer)
    assert (await again.chat.resident(again.place(chat))).key == "ozzo"
    assert len(cold.fake.called("answerCallbackQuery")) == 3
    await again.stop()


async def test_a_message_is_read_in_no_other_chat(bot: Bot) -> None:
    bot.fake.privacy = False
    people = [bot.fake.user(f"P{n}") for n in range(5)]
    forum = bot.fake.supergroup("Forum", *people, forum=True)
    places: list[tuple[Chat, int | None, User]] = [(bot.fake.private(user), None, user) for user in people]
    places += [(bot.fake.group(f"G{n}", user), None, user) for n, user in enumerate(people)]
    places += [(forum, bot.fake.topic(forum, f"T{n}", user), user) for n, user in enumerate(people)]
    for number, (chat, thread, user) in enumerate(places):
        bot.fake.say(chat, user, f"Mara, keep canary-{number:02}.", thread=thread)
    await bot.quiet()
    for chat, thread, user in places:
        bot.fake.say(chat, user, "Mara, what did you hear?", thread=thread)
    await bot.fake.until(lambda: len(bot.engine.requests) == 2 * len(places))
    for prompt in bot.engine.prompts():
        assert sum(f"canary-{number:02}" in prompt for number in range(len(places))) == 1


async def test_the_log_holds_neither_texts_nor_names_nor_the_token(
    cold: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "bot"):
        await cold.start()
        ana = cold.fake.user("Canaryname", "canary_user")
        chat, group = cold.fake.private(ana), cold.fake.group("Canarytitle", ana)
        cold.engine.script.extend(["canary answer"] * 3)
        cold.fake.fail("getUpdates", garbage())
        cold.fake.fail("sendMessage", garbage(do=False))
        cold.fake.say(chat, ana, "canary words")
        cold.fake.say(chat, ana, "/post canary post")
        cold.fake.say(group, ana, "@lamp_bot canary words")
        cold.fake.push({"message": {"message_id": 1, "date": 10**20, "text": "canary poison"}})
        await cold.quiet()
        cold.fake.block(ana)
        cold.fake.say(group, ana, "@lamp_bot canary words")
        await cold.quiet()
        await cold.stop()
    shown = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    ours = [line for record, line in zip(caplog.records, shown, strict=True) if record.name.startswith("bot")]
    assert len(ours) > 3
    assert [line for line in ours if "canary" in line.casefold() or cold.fake.token in line] == []
    library = [line for record, line in zip(caplog.records, shown, strict=True) if record.name == "telegram"]
    assert [line for line in library if "canary" in line.casefold()] == []


async def test_an_answer_that_the_library_cannot_read_is_not_in_its_log(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    with caplog.at_level(logging.DEBUG):
        await bot.fake.until(lambda: bot.fake.updates.polling)
        bot.fake.fail("getUpdates", garbage(do=False), times=2)
        bot.fake.say(chat, ana, "hi")
        await bot.sees_exactly(chat, "Answer 1.")
    assert "<<not json>>" not in caplog.text
