"""A person who only gave commands on Telegram leaves no id and no name in any file after an erasure."""

from tests.bot.memory.queries.test_erase import copies
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


async def test_commands_alone_leave_nothing_behind(bot: Bot) -> None:
    ana, bo = bot.fake.user("Canaryname"), bot.fake.user("Bo")
    own, group = bot.fake.private(ana), bot.fake.group("Harbour", ana, bo)
    bot.fake.change_member(group, bo, "administrator")
    bot.fake.say(own, ana, "/start")
    bot.fake.say(own, ana, "/settings listen on")
    await bot.fake.until(lambda: len(bot.fake.sent(own)) == 2)
    bot.fake.say(group, bo, "/reset@lamp_bot")
    await bot.fake.until(lambda: "Sit, Bo." in bot.fake.visible(group))
    bot.fake.say(group, ana, "/again@lamp_bot")
    await bot.fake.until(lambda: "Sit, Canaryname." in bot.fake.visible(group))
    await bot.stop()
    await bot.start()  # every command is at its end
    assert copies(bot.folder, "Canaryname")
    await bot.memory.backup()
    await bot.memory.erase_author(str(ana.id))
    assert copies(bot.folder, str(ana.id)) == []
    assert copies(bot.folder, "Canaryname") == []
