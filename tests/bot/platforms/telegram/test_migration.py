"""Groups on Telegram that become supergroups keep conversation and settings."""

import asyncio

from tests.fakes.telegram.chat import Chat, User
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


async def grown(bot: Bot) -> tuple[Chat, Chat, User]:
    """A group with a story and a setting, and the supergroup it turned into."""
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    await bot.memory.set_setting(str(bot.place(group)), "names", "off")
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.sees_exactly(group, "Answer 1.")
    await bot.quiet()
    return group, bot.fake.migrate(group), ana


async def test_a_group_that_migrates_keeps_its_story_and_settings(bot: Bot) -> None:
    group, new, ana = await grown(bot)
    bot.fake.say(new, ana, "@lamp_bot still there?")
    await bot.sees_exactly(new, "Answer 2.")
    await bot.quiet()
    assert await bot.history(new) == [
        "Ana: @lamp_bot hi",
        "Mara: Answer 1.",
        "Ana: @lamp_bot still there?",
        "Mara: Answer 2.",
    ]
    assert (await bot.history(group), await bot.memory.settings(str(bot.place(group)))) == ([], {})
    assert await bot.memory.settings(str(bot.place(new))) == {"names": "off"}


async def test_a_migration_learnt_from_a_refusal_loses_nothing(bot: Bot) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    group = bot.fake.group("Harbour", ana, bo)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(group, ana, "@lamp_bot one")
    await bot.engine.holding.wait()
    bot.fake.say(group, bo, "@lamp_bot two")
    await bot.fake.until(lambda: not bot.fake.updates.pending)
    new = bot.fake.upgrade(group)
    bot.engine.hold.set()
    await bot.sees_exactly(new, "Answer 1.", "Answer 2.")
    await bot.quiet()
    assert await bot.history(new) == [
        "Ana: @lamp_bot one",
        "Mara: Answer 1.",
        "Bo: @lamp_bot two",
        "Mara: Answer 2.",
    ]
    assert (await bot.memory.status()).inbox == {"answered": 2}
    assert [m.reply_to for m in bot.fake.sent(new)] == [None, None]


async def test_a_migration_while_an_answer_is_made_loses_nothing(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(group, ana, "@lamp_bot one")
    await bot.engine.holding.wait()
    new = bot.fake.migrate(group)
    bot.fake.say(new, ana, "@lamp_bot two")
    await bot.fake.until(lambda: not bot.fake.updates.pending)
    bot.engine.hold.set()
    await bot.fake.until(lambda: len(bot.fake.sent(new)) == 2)
    await bot.quiet()
    assert sorted(bot.fake.visible(new)) == ["Answer 1.", "Answer 2."]
    assert await bot.history(group) == []
    assert len(await bot.history(new)) == 4
    assert (await bot.memory.status()).inbox == {"answered": 2}
