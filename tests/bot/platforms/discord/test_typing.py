"""Typing on Discord: while an answer is awaited, and never beside it."""

import asyncio
from dataclasses import replace

from tests.fixtures.discord_bot import QUICK, DiscordStage
from tests.fixtures.discord_outlet import POST, channel_of_sender, send_question, sent_texts

WHOLE = " ".join(f"word{number}" for number in range(20))


async def test_no_typing_call_is_made_once_something_of_the_answer_is_visible(
    stage: DiscordStage, sender: str
) -> None:
    """NousResearch/hermes-agent#49290: the answer grows for three times the typing interval."""
    channel = channel_of_sender(stage, sender)
    stage.engine.hold = asyncio.Event()
    stage.engine.script.append(WHOLE)
    send_question(stage, channel)
    await stage.fake.until(lambda: len(stage.fake.typings) >= 2)
    stage.engine.delay = 0.05
    stage.engine.hold.set()
    await stage.fake.until(lambda: sent_texts(channel) == [WHOLE])
    await stage.idle()
    await asyncio.sleep(0.4)
    first, last = stage.fake.sent(POST[sender])[0], channel.messages[max(channel.messages)]
    assert stage.fake.typings[-1].at < first.at
    assert len(last.versions) > 3


async def test_the_next_answer_is_typed_again(stage: DiscordStage) -> None:
    for number in (1, 2):
        stage.call("Rain?")
        await stage.says(f"Answer {number}.")
        assert len(stage.fake.typings) == number


async def test_an_answer_made_anew_does_not_type_again(stage: DiscordStage) -> None:
    """Typing is shown for seconds: a call for each message of a burst would use up Discord's limits."""
    await stage.stop()
    stage.timings = replace(QUICK, typing_interval=20.0)
    await stage.start()
    stage.engine.hold = asyncio.Event()
    stage.call("Rain?")
    await stage.fake.until(lambda: len(stage.engine.requests) == 1)
    stage.call("Or snow?")
    await stage.fake.until(lambda: len(stage.engine.requests) == 2)
    stage.engine.hold.set()
    await stage.idle()
    assert len(stage.fake.typings) == 1
