"""Commands on Telegram that are not known, and words that begin with a slash."""

import logging

import pytest

from tests.fakes.telegram_server import refuse
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


@pytest.fixture
async def pair(cold: Bot) -> Bot:
    """A bot with two personas."""
    both(cold)
    await cold.start()
    return cold


async def test_an_unknown_command_to_the_bot_in_a_group_is_answered_and_one_to_nobody_is_left(
    pair: Bot,
) -> None:
    ana = pair.fake.user("Ana")
    group = pair.fake.group("Harbour", ana)
    pair.fake.say(group, ana, "/presona mara")
    pair.fake.say(group, ana, "/presona@lamp_bot mara")
    await pair.sees_exactly(
        group, "There is no command /presona. Nearest is /persona or /personas; /help lists them."
    )
    await pair.quiet()
    assert await pair.history(group) == []


async def test_a_command_behind_the_bots_mention_is_a_command(pair: Bot) -> None:
    ana = pair.fake.user("Ana")
    group = pair.fake.group("Harbour", ana)
    pair.fake.say(group, ana, "@lamp_bot /stop")
    await pair.sees_exactly(group, "Nothing is being said.")
    pair.fake.say(group, ana, "@lamp_bot, /presona mara")
    unknown = "There is no command /presona. Nearest is /persona or /personas; /help lists them."
    await pair.sees_exactly(group, "Nothing is being said.", unknown)
    await pair.quiet()
    assert await pair.history(group) == []
    pair.fake.say(group, ana, "@lamp_bot /me waves")
    await pair.fake.until(lambda: "Mara\nAnswer 1." in pair.fake.visible(group))


async def test_a_command_that_an_edit_corrects_is_run_once(pair: Bot) -> None:
    ana = pair.fake.user("Ana")
    chat = pair.fake.private(ana)
    said = pair.fake.say(chat, ana, "/stopp")
    unknown = "There is no command /stopp. Nearest is /stop; /help lists them."
    await pair.sees_exactly(chat, unknown)
    pair.fake.edit(said, "/stop")
    await pair.sees_exactly(chat, unknown, "Nothing is being said.")
    pair.fake.edit(said, "/stop ")
    await pair.quiet()
    await pair.stop()
    await pair.start()
    pair.fake.edit(said, "/stop  ")
    await pair.quiet()
    await pair.sees_exactly(chat, unknown, "Nothing is being said.")


async def test_a_mistyped_command_of_a_group_is_run_when_its_edit_corrects_it(pair: Bot) -> None:
    pair.fake.privacy = False
    ana = pair.fake.user("Ana")
    group = pair.fake.group("Harbour", ana)
    said, other = pair.fake.say(group, ana, "/stopp"), pair.fake.say(group, ana, "hello")
    await pair.quiet()
    pair.fake.edit(said, "/stop")
    await pair.sees_exactly(group, "Nothing is being said.")
    pair.fake.edit(other, "/stop")
    await pair.quiet()
    await pair.sees_exactly(group, "Nothing is being said.")


async def test_a_command_that_was_run_is_not_run_again_by_an_edit(pair: Bot) -> None:
    ana = pair.fake.user("Ana")
    chat = pair.fake.private(ana)
    said = pair.fake.say(chat, ana, "/stop")
    await pair.sees_exactly(chat, "Nothing is being said.")
    pair.fake.edit(said, "/help")
    await pair.quiet()
    await pair.sees_exactly(chat, "Nothing is being said.")


async def test_gestures_and_paths_are_answered_by_the_persona(pair: Bot) -> None:
    ana = pair.fake.user("Ana")
    chat = pair.fake.private(ana)
    for number, text in enumerate(("/me waves", "/usr/bin is full"), 1):
        pair.fake.say(chat, ana, text)
        await pair.fake.until(lambda number=number: f"Answer {number}." in pair.fake.visible(chat))  # type: ignore[misc]


async def test_a_menu_that_cannot_be_filled_is_filled_later(
    cold: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cold.fake.fail("setMyCommands", refuse(400, "BOT_COMMAND_INVALID"), times=3)
    await cold.start()
    await cold.fake.until(lambda: cold.fake.commands.get("default"))
    await cold.fake.until(lambda: "commands_published" in caplog.messages)
    reasons = [r.__dict__["reason"] for r in caplog.records if r.getMessage() == "publish_commands_failed"]
    assert len(reasons) == 3
    assert reasons[0].casefold() == "telegram: bot_command_invalid"
    assert "not published" not in cold.chat.health["telegram"]()
    await cold.quiet()
    await cold.stop()
