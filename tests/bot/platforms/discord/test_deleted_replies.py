"""A reply that somebody deletes while it grows ends there: it is not posted again, and not remembered."""

from pathlib import Path

from tests.fakes.discord_server import Message
from tests.fixtures.discord_bot import DiscordStage, staged
from tests.fixtures.discord_outlet import sent_texts

LONG = " ".join(f"word{number}" for number in range(40))


async def growing(stage: DiscordStage) -> Message:
    """Let a reply begin, and return its message as soon as people see some words."""
    stage.engine.script.append(LONG)
    stage.engine.delay = 0.05
    stage.call("Count")
    await stage.fake.until(lambda: bool(sent_texts(stage.quay)))
    return list(stage.quay.messages.values())[-1]


async def test_a_reply_that_is_deleted_while_it_grows_is_not_posted_again(stage: DiscordStage) -> None:
    stage.fake.delete(await growing(stage))
    await stage.idle()
    assert sent_texts(stage.quay) == []
    assert await stage.history() == ["ana: Count"]
    assert (await stage.memory.status()).unsent == 0
    stage.engine.delay = 0.0
    stage.call("And now?")
    await stage.fake.until(lambda: sent_texts(stage.quay) == ["Answer 2."])


async def test_a_reply_that_was_deleted_before_a_restart_is_not_posted_after_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        message = await growing(stage)
        await stage.stop()
        stage.fake.delete(message)
        stage.engine.delay = 0.01
        stage.engine.script.append(LONG)
        await stage.start()
        await stage.idle()
        assert sent_texts(stage.quay) == []
        assert not await stage.memory.pending("discord", str(stage.fake.bot.id))
