"""The menu of /sampling on Telegram: buttons for the values next to those that hold."""

from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


async def test_sampling_has_buttons_for_admins_that_stay(bot: Bot) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    group = bot.fake.group("Harbour", ana, bo)
    bot.fake.say(group, bo, "/sampling")
    await bot.fake.until(lambda: len(bot.fake.sent(group)) == 1)
    assert bot.fake.sent(group)[0].buttons == []
    bot.fake.say(group, ana, "/sampling")
    await bot.fake.until(lambda: len(bot.fake.sent(group)) == 2)
    menu = bot.fake.sent(group)[1]
    assert [b["text"] for b in menu.buttons] == [
        "temperature: 0.7", "temperature: 0.9", "top_p: 0.9", "top_p: 1", "repetition_penalty: 1.05",
        "repetition_penalty: 1.2", "max_tokens: 128", "max_tokens: 512", "rounds: 20", "reset",
    ]  # fmt: skip
    forbidden = bot.fake.press(bo, menu, "temperature: 0.9")
    await bot.fake.until(lambda: forbidden.answer)
    bot.fake.press(ana, menu, "temperature: 0.9")
    await bot.fake.until(lambda: menu.buttons[1]["text"] == "temperature: 1")
    assert "temperature  0.9  this chat" in menu.text
    bot.fake.press(ana, menu, "reset")
    await bot.fake.until(lambda: menu.buttons[1]["text"] == "temperature: 0.9")
    assert "temperature  0.8  default" in menu.text
