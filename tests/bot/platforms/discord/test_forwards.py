"""Forwards on Discord of messages that memory holds: they have an author, and go with the message."""

from tests.bot.platforms.discord.test_surroundings import BO
from tests.evening.moments import forward
from tests.fakes.discord.world import Message
from tests.fixtures.discord_bot import DiscordStage


async def forwarded(stage: DiscordStage) -> Message:
    """Return Bo's message, which Ana forwarded in the same channel."""
    said = stage.fake.say(stage.quay, stage.bo, BO)
    await stage.remembered(1)
    more = forward(BO)
    place = {"channel_id": str(stage.quay.id), "guild_id": str(stage.guild.id)}
    more["message_reference"] |= {"message_id": str(said.id), **place}
    stage.fake.say(stage.quay, stage.ana, f"{stage.fake.bot.mention} true?", more=more)
    await stage.says("Answer 1.")
    return said


async def test_a_forward_names_its_author(stage: DiscordStage) -> None:
    await forwarded(stage)
    assert f"[Forwarded from bo: {BO}]\nana: true?<" in stage.engine.prompts()[0]


async def test_a_forward_goes_with_its_author(stage: DiscordStage) -> None:
    await forwarded(stage)
    assert (await stage.memory.erase_author(str(stage.bo.id))).quotations == 1
    stage.call("And now?")
    await stage.says("Answer 2.")
    assert BO not in stage.engine.prompts()[1]


async def test_a_forward_goes_with_its_message(stage: DiscordStage) -> None:
    stage.fake.delete(await forwarded(stage))
    stage.call("And now?")
    await stage.says("Answer 2.")
    assert BO not in stage.engine.prompts()[1]
