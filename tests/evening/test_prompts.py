"""Each moment of an evening gives the prompt that a reader of its page expects."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.evening.moments import DISCORD, TELEGRAM, Moment
from tests.evening.repeating import last_turn
from tests.fixtures.discord_bot import DiscordStage, staged
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    async with staged(tmp_path) as built:
        yield await built.start()


async def test_thirty_moments_on_telegram_give_the_expected_prompts(bot: Bot) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    wrong = []
    for moment in TELEGRAM:
        await tell_telegram(bot, moment, ana, bo)
        turn = last_turn(bot.engine.prompts()[-1])
        wrong += [(moment.name, turn, moment.turn)] if turn != moment.turn else []
    assert (len(TELEGRAM), wrong) == (30, [])


async def tell_telegram(bot: Bot, moment: Moment, ana: object, bo: object) -> None:
    """Let a moment happen in a chat of its own, and wait for the answer."""
    fake, before = bot.fake, len(bot.engine.requests)
    person = fake.user("Ana") if moment.direct else ana
    chat = fake.private(person) if moment.direct else fake.supergroup("Harbour", ana, bo)  # type: ignore[arg-type]
    to = fake.say(chat, bo, moment.to) if moment.to else None  # type: ignore[arg-type]
    is_called = moment.direct or "@lamp_bot" in moment.text
    fake.say(
        chat, person, moment.text if is_called else f"@lamp_bot {moment.text}", reply_to=to, **moment.more
    )  # type: ignore[arg-type]
    await fake.until(lambda: len(bot.engine.requests) > before)
    await bot.quiet()


async def test_thirty_moments_on_discord_give_the_expected_prompts(stage: DiscordStage) -> None:
    wrong = []
    for moment in DISCORD:
        await tell_discord(stage, moment)
        turn = last_turn(stage.engine.prompts()[-1])
        wrong += [(moment.name, turn, moment.turn)] if turn != moment.turn else []
    assert (len(DISCORD), wrong) == (30, [])


async def tell_discord(stage: DiscordStage, moment: Moment) -> None:
    """Let a moment happen in a channel of its own, and wait for the answer."""
    fake, before, me = stage.fake, len(stage.engine.requests), stage.fake.bot
    person = fake.user("ana") if moment.direct else stage.ana
    channel = fake.dm(person) if moment.direct else fake.channel(stage.guild, "pier")
    to = None
    if moment.to:
        to = fake.say(channel, stage.bo, moment.to)
        while not await stage.history(channel):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await stage.memory.erase_place(stage.place(channel))
    text = moment.text.replace("{me}", me.mention)
    is_called = moment.direct or me.mention in text or "Mara" in text
    text = text if is_called else f"{me.mention} {text}"
    mentions = [me] if me.mention in text else []
    fake.say(channel, person, text, mentions=mentions, reply_to=to, more=moment.more)
    await fake.until(lambda: len(stage.engine.requests) > before)
    await stage.idle()
