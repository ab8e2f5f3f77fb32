"""Permissions on Discord: which commands members, admins and owners may use, and where."""

from pathlib import Path

import pytest

from tests.fakes.discord_server import permissions
from tests.fixtures.discord_bot import DiscordStage, staged
from tests.fixtures.discord_outlet import final_answer, run_slash

ADMIN = permissions("manage_guild")


async def test_nothing_for_admins_is_done_for_members_wherever_they_ask(stage: DiscordStage) -> None:
    asks = [
        ("post", {"text": "I was here."}),
        ("settings", {"name": "listen", "value": "on"}),
        ("settings", {"name": "listen", "value": "on", "where": "server"}),
        ("settings", {"name": "bots", "value": "on"}),
        ("settings", {"name": "persona", "value": "ozzo", "where": "server"}),
        ("settings", {"name": "persona", "value": "ozzo"}),
        ("settings", {"name": "open", "value": "on"}),
        ("settings", {"name": "temperature", "value": "5"}),
        ("sampling", {"name": "temperature", "value": "5"}),
        ("sampling", {"name": "max_tokens", "value": "9", "where": "server"}),
        ("sampling", {"name": "reset"}),
        ("persona", {"name": "ozzo", "where": "server"}),
        ("persona", {"name": "ozzo"}),
        ("reset", {}),
        ("persona", {"name": "reload"}),
    ]
    channels = [stage.quay, stage.fake.thread(stage.quay)]
    rights = [0, permissions("manage_channels"), permissions("manage_messages", "manage_roles")]
    tried = 0
    for channel in channels:
        for bits in rights:
            for path, options in asks:
                text = await run_slash(stage, path, channel, permissions=bits, **options)
                assert text.startswith(("Only an admin", "Only an owner", "/post is for admins"))
                tried += 1
    assert tried == 90
    for scope in (f"discord/{stage.fake.bot.id}/server/{stage.guild.id}", str(stage.place())):
        assert await stage.memory.settings(scope) == {}
    assert [text for channel in channels for text in channel.texts if "I was here" in text] == []


@pytest.mark.parametrize("right", ["manage_guild", "administrator"])
async def test_an_admin_of_the_server_may_change_settings(stage: DiscordStage, right: str) -> None:
    bits = permissions(right)
    text = await run_slash(stage, "settings", name="listen", value="on", where="server", permissions=bits)
    assert text == "listen is on for this server."
    assert (await run_slash(stage, "persona", name="reload", permissions=bits)).startswith("Only an owner")
    await run_slash(stage, "post", text="Ahoy.", permissions=bits)
    await stage.says("Ahoy.")


async def test_an_owner_is_known_by_id_and_nobody_by_name(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.owners = (str(stage.ana.id),)
        twin = stage.fake.user("ana", display=str(stage.ana.id))
        stage.fake.join(stage.guild, twin)
        await stage.start()
        assert await run_slash(stage, "settings", name="listen", value="on", permissions=0) == (
            "listen is on for this chat."
        )
        assert await run_slash(stage, "persona", name="reload", permissions=0) == "Read again: mara, ozzo."
        asked = stage.fake.slash(stage.quay, twin, "post", permissions=0, text="Mine.")
        assert await final_answer(stage, asked) == "/post is for admins."


async def test_in_a_place_without_the_bot_nothing_is_read_or_written(stage: DiscordStage) -> None:
    foreign = stage.fake.guild("Elsewhere", stage.ana, bot=None)
    channels = [stage.fake.channel(foreign, "far"), stage.fake.dm(stage.ana, stage.bo)]
    before = await stage.memory.places()
    for channel in channels:
        for path, options in (("persona", {"name": "ozzo"}), ("why", {}), ("reset", {}), ("status", {})):
            asked = stage.fake.slash(channel, stage.ana, path, permissions=ADMIN, **options)
            assert (await final_answer(stage, asked)).startswith("This works where I am a member")
            assert asked.ephemeral
        asked = stage.fake.complete(channel, stage.ana, "persona", "name", name="")
        await stage.fake.until(lambda asked=asked: asked.callback)  # type: ignore[misc]
        assert asked.choices == []
    assert await stage.memory.places() == before
    assert await stage.memory.settings(f"discord/{stage.fake.bot.id}/{channels[0].id}") == {}
