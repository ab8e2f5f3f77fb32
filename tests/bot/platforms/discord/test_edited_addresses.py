"""Edits that make a message an address, and messages of bots that grow by edits."""

import asyncio

from bot.config import ChatSettings
from tests.fakes.discord.request import File
from tests.fixtures.discord_bot import DiscordStage


async def test_an_edit_that_adds_the_mention_is_answered_once(stage: DiscordStage) -> None:
    """plastic-labs/tutor-gpt#11."""
    said = stage.fake.say(stage.quay, stage.ana, "what is the tide?")
    await stage.remembered(1)
    stage.fake.edit(said, f"{stage.fake.bot.mention} what is the tide?")
    await stage.says("Answer 1.")
    stage.fake.edit(said, f"{stage.fake.bot.mention} what is the tide now?")
    stage.fake.edit(said, f"{stage.fake.bot.mention} Mara?")
    stage.call("Well?")
    await stage.says("Answer 2.")
    assert await stage.history() == ["ana: Mara?", "Mara: Answer 1.", "ana: Well?", "Mara: Answer 2."]
    assert len(stage.engine.requests) == 2


async def test_an_edit_that_calls_nobody_is_stored_and_not_answered(stage: DiscordStage) -> None:
    said = stage.fake.say(stage.quay, stage.ana, "what is the tide?")
    await stage.remembered(1)
    stage.fake.edit(said, "what is the tide now?")
    await stage.fake.until(lambda: not stage.bot._event_queue._waiting)
    stage.call("Well?")
    await stage.says("Answer 1.")
    assert "ana: what is the tide now?\nana: Well?<" in stage.engine.prompts()[0]
    assert len(stage.engine.requests) == 1


async def test_an_edit_of_a_message_from_long_ago_is_not_answered(stage: DiscordStage) -> None:
    said = stage.fake.say(stage.quay, stage.ana, "what is the tide?")
    await stage.remembered(1)
    stage.chat._resources.settings = aged(stage.settings)
    stage.fake.edit(said, f"{stage.fake.bot.mention} what is the tide?")
    await stage.idle()
    await asyncio.sleep(0.1)
    assert stage.engine.requests == []


def aged(settings: ChatSettings) -> ChatSettings:
    """Return settings by which every message is too old."""
    return settings.model_copy(update={"oldest": 0.001})


async def test_a_bots_message_that_grows_by_edits_is_answered_when_it_rests(stage: DiscordStage) -> None:
    await stage.stop()
    stage.settings = stage.settings.model_copy(update={"bot_debounce": 0.4})
    await stage.start()
    await stage.memory.set_setting(str(stage.place()), "bots", "on")
    other = stage.fake.user("Peer", bot=True)
    said = stage.fake.say(stage.quay, other, f"{stage.fake.bot.mention} the")
    for text in ("the tide", "the tide is", "the tide is high"):
        await asyncio.sleep(0.15)
        stage.fake.edit(said, f"{stage.fake.bot.mention} {text}")
    await stage.says("Answer 1.")
    assert "Peer: the tide is high<" in stage.engine.prompts()[0]
    assert len(stage.engine.requests) == 1


async def test_a_bots_message_that_never_rests_is_answered_all_the_same(stage: DiscordStage) -> None:
    await stage.stop()
    stage.settings = stage.settings.model_copy(update={"bot_debounce": 0.2})
    await stage.start()
    await stage.memory.set_setting(str(stage.place()), "bots", "on")
    other = stage.fake.user("Peer", bot=True)
    said = stage.fake.say(stage.quay, other, f"{stage.fake.bot.mention} 0")
    number = 0
    while not stage.engine.requests:
        number += 1
        await asyncio.sleep(0.05)
        stage.fake.edit(said, f"{stage.fake.bot.mention} {number}")
    assert number < 60


async def test_an_edit_before_anything_is_visible_is_answered_as_edited(stage: DiscordStage) -> None:
    stage.engine.hold = asyncio.Event()
    said = stage.call("Tee?")
    await stage.engine.holding.wait()
    stage.fake.edit(said, f"{stage.fake.bot.mention} Tea?")
    await stage.fake.until(lambda: len(stage.engine.requests) == 2)
    stage.engine.hold.set()
    await stage.says("Answer 2.")
    assert "ana: Tea?<" in stage.engine.prompts()[1]
    assert await stage.history() == ["ana: Tea?", "Mara: Answer 2."]


async def test_an_edit_whose_pasted_file_is_gone_keeps_the_known_text(stage: DiscordStage) -> None:
    files = [File("message.txt", b"a long paste", "text/plain")]
    said = stage.fake.say(stage.quay, stage.ana, "", files=files)
    await stage.remembered(1)
    stage.fake.platform.files.clear()
    stage.fake.edit(said, stage.fake.bot.mention)
    await stage.says("Answer 1.")
    assert await stage.history() == ["ana: a long paste", "Mara: Answer 1."]
