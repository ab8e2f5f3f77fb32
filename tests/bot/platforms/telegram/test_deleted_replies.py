"""A reply that somebody deletes while it grows ends there: it is not posted again, and not remembered."""

from tests.fakes.telegram_server import Chat
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]

LONG = " ".join(f"word{number}" for number in range(60))


async def begin(bot: Bot) -> Chat:
    """Let a reply begin in a group, and delete it as soon as people see some words."""
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.delay = 0.03
    bot.engine.script.append(LONG)
    bot.fake.say(group, ana, "@lamp_bot count")
    await bot.fake.until(lambda: bool(bot.fake.visible(group)))
    bot.fake.delete(bot.fake.sent(group)[0])
    return group


async def test_a_reply_that_is_deleted_while_it_grows_is_not_posted_again(bot: Bot) -> None:
    group = await begin(bot)
    await bot.quiet()
    assert bot.fake.visible(group) == []
    assert await bot.history(group) == ["Ana: @lamp_bot count"]
    assert (await bot.memory.status()).unsent == 0
    bot.engine.delay = 0.0
    bot.fake.say(group, bot.fake.user("Bo"), "@lamp_bot and now?")
    await bot.sees_exactly(group, "Answer 2.")
