"""Typing on Telegram: while an answer is awaited, and never beside it."""

import asyncio

import pytest

from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]

WHOLE = " ".join(f"word{number}" for number in range(20))


@pytest.mark.parametrize("in_group", [False, True])
async def test_no_typing_call_is_made_once_something_of_the_answer_is_visible(
    bot: Bot, in_group: bool
) -> None:
    """NousResearch/hermes-agent#49290: the answer grows for ten times the typing interval."""
    ana = bot.fake.user("Ana")
    chat = bot.fake.group("Harbour", ana) if in_group else bot.fake.private(ana)
    bot.engine.hold = asyncio.Event()
    bot.engine.script.append(WHOLE)
    bot.fake.say(chat, ana, "@lamp_bot rain?")
    await bot.fake.until(lambda: len(bot.fake.actions(chat)) >= 2)
    bot.engine.delay = 0.05
    bot.engine.hold.set()
    await bot.sees_exactly(chat, WHOLE)
    await bot.quiet()
    names = [call.method for call in bot.fake.calls if call.method.startswith("send")]
    last_typing = len(names) - 1 - names[::-1].index("sendChatAction")
    assert not set(names[:last_typing]) - {"sendChatAction"}
    assert len(names) > last_typing + 1
