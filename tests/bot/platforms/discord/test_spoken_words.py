"""Names in what Discord delivers with a message call no persona; those that somebody typed do."""

import pytest

from bot.chat.triggers import NOT_ADDRESSED
from tests.bot.platforms.discord.test_surroundings import CAT, LINK, POLL, RICH, WAVE, forward
from tests.fakes.discord import payload_messages
from tests.fakes.discord.request import File
from tests.fakes.discord.world import Json
from tests.fixtures.discord_bot import DiscordStage
from tests.fixtures.ignored import ignored_by

NAMED = LINK | {"title": "Mara (goddess)", "description": "Mara is a river."}


async def test_forwarded_words_call_nobody(stage: DiscordStage) -> None:
    said = stage.fake.say(stage.quay, stage.ana, "", more=forward("Mara, tea?"))
    assert await ignored_by(stage.memory, stage.place(), said.id) == NOT_ADDRESSED


@pytest.mark.parametrize(
    "more",
    [
        {"embeds": [NAMED]},
        {"embeds": [NAMED | {"type": "gifv", "title": "Mara wave"}]},
        {"embeds": [RICH | {"title": "Mara"}]},
        {"sticker_items": [WAVE | {"name": "Mara"}]},
        {"attachments": [CAT | {"filename": "Mara notes.pdf"}]},
        {"attachments": [CAT | {"description": "Mara in the rain"}]},
        {"poll": POLL | {"question": {"text": "Mara or Ozzo?"}}},
    ],
)
async def test_names_in_what_comes_with_a_message_call_nobody(stage: DiscordStage, more: Json) -> None:
    known = {"id": "2", "size": 9, "url": "https://cdn.discordapp.com/a", "proxy_url": "https://b.example"}
    shown = {"attachments": [known | each for each in more.get("attachments", [])]}
    said = stage.fake.say(stage.quay, stage.ana, "see this", more=more | shown)
    assert await ignored_by(stage.memory, stage.place(), said.id) == NOT_ADDRESSED
    assert any("Mara" in each and "see this" in each for each in await stage.history())


async def test_the_preview_that_discord_adds_to_a_link_calls_nobody(stage: DiscordStage) -> None:
    said = stage.fake.say(stage.quay, stage.ana, "see https://a.example/x")
    assert await ignored_by(stage.memory, stage.place(), said.id) == NOT_ADDRESSED
    shown = payload_messages.message(said, stage.fake.bot) | {"embeds": [NAMED]}
    stage.fake.platform.emit("MESSAGE_UPDATE", shown | {"guild_id": str(stage.guild.id)}, said.channel)
    later = stage.fake.say(stage.quay, stage.bo, "nice")
    assert await ignored_by(stage.memory, stage.place(), later.id) == NOT_ADDRESSED
    assert await stage.memory.ignored_by(stage.place(), str(said.id)) == NOT_ADDRESSED
    assert "Mara" in (await stage.history())[0]


async def test_a_name_in_a_pasted_text_calls(stage: DiscordStage) -> None:
    text = (
        "The tide table of the quay.\
"
        * 80
        + "Mara, is it right?"
    )
    stage.fake.say(stage.quay, stage.ana, "", files=[File("message.txt", text.encode(), "text/plain")])
    await stage.says("Answer 1.")
