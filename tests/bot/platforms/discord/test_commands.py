"""Commands on Discord: shown, proposed, checked, promised at once and answered in one message."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.chat.commands import COMMANDS, Level
from bot.platforms.discord.command_menu import MAX_ANSWER, format_answer
from tests.fakes.discord_server import Channel, Interaction, answer, permissions, reset
from tests.fixtures.discord_bot import QUICK, DiscordStage, staged

ADMIN = permissions("manage_guild")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    async with staged(tmp_path) as built:
        yield await built.start()


async def done(stage: DiscordStage, asked: Interaction) -> str:
    """What the asker sees in the end; empty where the promise was taken back."""
    gone = lambda: asked.original is not None and asked.original.deleted  # noqa: E731
    await stage.fake.until(lambda: asked.done or gone())
    return "" if gone() else asked.text or ""


async def slash(stage: DiscordStage, path: str, channel: Channel | None = None, **options: object) -> str:
    rights = {"permissions": options.pop("permissions", None)}
    return await done(
        stage,
        stage.fake.slash(channel or stage.quay, stage.ana, path, **rights, **options),  # type: ignore[arg-type]
    )


async def test_every_command_and_menu_is_published_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        await stage.stop()
        await stage.start()
        published = {(one["type"], one["name"]) for one in stage.fake.commands[None]}
        assert published == {
            *((1, command.name) for command in COMMANDS),
            (3, "Another answer"),
            (3, "Why this answer?"),
        }
        assert len(stage.fake.sent("PUT /applications/*/commands")) == 1
        await stage.memory.set_platform_state(f"discord/{stage.fake.bot.id}", "menu", "another")
        await stage.stop()
        await stage.start(connected=False)
        await stage.fake.until(lambda: len(stage.fake.sent("PUT /applications/*/commands")) == 2)


async def test_admin_commands_are_hidden_from_members_as_a_hint(stage: DiscordStage) -> None:
    hinted = {one["name"] for one in stage.fake.commands[None] if one["default_member_permissions"]}
    assert hinted == {command.name for command in COMMANDS if command.level >= Level.ADMIN}


async def test_commands_that_cannot_be_published_stop_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.fake.faults.script("PUT /applications/*/commands", answer(403))
        await stage.start(connected=False)
        await stage.fake.until(lambda: stage.bot._recovered)
        stage.call("Rain?")
        await stage.says("Answer 1.")


async def test_help_is_a_table_for_the_asker_alone(stage: DiscordStage) -> None:
    asked = stage.fake.slash(stage.quay, stage.ana, "help")
    text = await done(stage, asked)
    assert text.startswith("```\n/help ")
    assert "/post" not in text
    assert (asked.ephemeral, asked.deferred) == (True, True)


async def test_a_persona_is_chosen_for_a_channel_and_everybody_sees_it(stage: DiscordStage) -> None:
    asked = stage.fake.slash(stage.quay, stage.ana, "persona", name="ozzo")
    assert await done(stage, asked) == "Ozzo speaks here now."
    assert not asked.ephemeral
    stage.call("Who?")
    await stage.says("Answer 1.")
    assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"
    other = stage.fake.channel(stage.guild, "other")
    assert (await slash(stage, "persona", other)).startswith("Mara (mara) speaks here")


async def test_a_chosen_persona_survives_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        await slash(stage, "persona", name="ozzo")
        await stage.stop()
        await stage.start()
        stage.call("Who?")
        await stage.says("Answer 1.")
        assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"


async def test_a_channel_that_is_to_be_listened_to_needs_no_mention(stage: DiscordStage) -> None:
    other = stage.fake.channel(stage.guild, "other")
    await slash(stage, "settings", name="listen", value="on", permissions=ADMIN)
    for channel in (other, stage.quay):
        stage.fake.say(channel, stage.ana, "Rain?")
    await stage.says("Answer 1.")
    assert [text for text in other.texts if text.startswith("Answer")] == []


async def test_threads_and_direct_chats_have_their_own_persona(stage: DiscordStage) -> None:
    thread = stage.fake.thread(stage.quay)
    assert await slash(stage, "persona", thread, name="ozzo") == "Ozzo speaks here now."
    assert (await slash(stage, "persona")).startswith("Mara (mara)")
    chat = stage.fake.dm(stage.ana)
    assert await slash(stage, "persona", chat, name="ozzo") == "Ozzo speaks here now."
    assert await slash(stage, "settings", chat, name="listen", value="on") == "listen is on for this chat."


async def test_an_error_for_people_is_the_answer(stage: DiscordStage) -> None:
    assert await slash(stage, "persona", name="zed") == "There is no persona 'zed': known are mara, ozzo."


async def test_a_command_that_says_nothing_takes_its_promise_back(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    assert await slash(stage, "again") == ""
    await stage.says("Answer 2.")
    assert stage.quay.texts[1:] == ["Answer 2."]


async def test_a_promise_comes_at_once_however_long_the_answer_takes(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    stage.fake.ack_window = 0.3
    stage.engine.hold = asyncio.Event()
    asked = stage.fake.slash(stage.quay, stage.ana, "again")
    await stage.engine.holding.wait()
    await asyncio.sleep(0.5)
    stage.engine.hold.set()
    assert await done(stage, asked) == ""
    assert asked.acknowledged is not None
    assert asked.acknowledged - asked.at < 0.3


async def test_a_command_that_never_ends_is_given_up(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, command_timeout=0.2)
        await stage.start()
        stage.call("Rain?")
        await stage.says("Answer 1.")
        stage.engine.hold = asyncio.Event()
        assert await slash(stage, "again") == "That takes too long; look again later."
        stage.engine.hold.set()


async def test_an_interaction_told_twice_is_done_once(stage: DiscordStage) -> None:
    asked = stage.fake.slash(stage.quay, stage.ana, "post", permissions=ADMIN, text="Ahoy.")
    stage.fake.repeat("INTERACTION_CREATE", 2)
    await done(stage, asked)
    await stage.fake.until(lambda: len(stage.fake.sent("POST /interactions/*")) == 3)
    await stage.idle()
    assert stage.quay.texts.count("Ahoy.") == 1


async def test_an_interaction_that_comes_too_late_is_not_done(stage: DiscordStage) -> None:
    stage.fake.ack_window = -1.0
    stage.fake.slash(stage.quay, stage.ana, "persona", name="ozzo")
    await stage.fake.until(lambda: [r.status for r in stage.fake.sent("POST /interactions/*")] == [404])
    await stage.idle()
    assert (await stage.chat.resident(stage.place())).key == "mara"


async def test_an_answer_that_meets_trouble_is_put_there_once(stage: DiscordStage) -> None:
    stage.fake.faults.script("PATCH /webhooks/*", reset(), answer(429, headers={"Via": "1"}, body="x"))
    assert (await slash(stage, "persona")).startswith("Mara (mara)")


async def test_values_are_proposed_while_typing(stage: DiscordStage) -> None:
    cases = {
        ("persona", "name", "o"): ["ozzo"],
        ("settings", "name", ""): ["persona", "listen", "names", "bots"],
    }
    for (path, option, typed), expected in cases.items():
        asked = stage.fake.complete(stage.quay, stage.ana, path, option, **{option: typed})
        await stage.fake.until(lambda asked=asked: asked.callback)  # type: ignore[misc]
        assert [choice["value"] for choice in asked.choices] == expected


async def test_menus_of_a_message_ask_about_the_newest_answer(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    old = list(stage.quay.messages.values())[-1]
    why = await done(stage, stage.fake.menu(stage.quay, stage.bo, "Why this answer?", old))
    assert why.startswith("```\nrule      mentioned; answered\npersona   mara")
    assert await done(stage, stage.fake.menu(stage.quay, stage.bo, "Another answer", old)) == ""
    await stage.says("Answer 2.")
    stage.call("More?")
    await stage.says("Answer 3.")
    for target in (next(iter(stage.quay.messages.values())), old):
        asked = stage.fake.menu(stage.quay, stage.bo, "Another answer", target)
        assert (await done(stage, asked)).startswith("Only the newest answer here can be asked about")


async def test_nothing_for_admins_is_done_for_members_wherever_they_ask(stage: DiscordStage) -> None:
    asks = [
        ("post", {"text": "I was here."}),
        ("settings", {"name": "listen", "value": "on"}),
        ("settings", {"name": "listen", "value": "on", "where": "server"}),
        ("settings", {"name": "bots", "value": "on"}),
        ("settings", {"name": "persona", "value": "ozzo", "where": "server"}),
        ("persona", {"name": "ozzo", "where": "server"}),
        ("persona", {"name": "reload"}),
    ]
    channels = [stage.quay, stage.fake.thread(stage.quay)]
    rights = [0, permissions("manage_channels"), permissions("manage_messages", "manage_roles")]
    tried = 0
    for channel in channels:
        for bits in rights:
            for path, options in asks:
                text = await slash(stage, path, channel, permissions=bits, **options)
                assert text.startswith(("Only an admin", "Only an owner", "/post is for admins"))
                tried += 1
    assert tried == 42
    for scope in (f"discord/{stage.fake.bot.id}/server/{stage.guild.id}", str(stage.place())):
        assert await stage.memory.settings(scope) == {}
    assert [text for channel in channels for text in channel.texts if "I was here" in text] == []


@pytest.mark.parametrize("right", ["manage_guild", "administrator"])
async def test_an_admin_of_the_server_may_set_what_holds(stage: DiscordStage, right: str) -> None:
    bits = permissions(right)
    text = await slash(stage, "settings", name="listen", value="on", where="server", permissions=bits)
    assert text == "listen is on for this server."
    assert (await slash(stage, "persona", name="reload", permissions=bits)).startswith("Only an owner")
    await slash(stage, "post", text="Ahoy.", permissions=bits)
    await stage.says("Ahoy.")


async def test_an_owner_may_everything_by_id_and_nobody_by_name(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.owners = (str(stage.ana.id),)
        twin = stage.fake.user("ana", display=str(stage.ana.id))
        stage.fake.join(stage.guild, twin)
        await stage.start()
        assert await slash(stage, "settings", name="listen", value="on", permissions=0) == (
            "listen is on for this chat."
        )
        assert await slash(stage, "persona", name="reload", permissions=0) == "Read again: mara, ozzo."
        asked = stage.fake.slash(stage.quay, twin, "post", permissions=0, text="Mine.")
        assert await done(stage, asked) == "/post is for admins."


async def test_where_the_bot_is_no_member_nothing_is_read_or_written(stage: DiscordStage) -> None:
    foreign = stage.fake.guild("Elsewhere", stage.ana, bot=None)
    channels = [stage.fake.channel(foreign, "far"), stage.fake.dm(stage.ana, stage.bo)]
    before = await stage.memory.places()
    for channel in channels:
        for path, options in (("persona", {"name": "ozzo"}), ("why", {}), ("reset", {}), ("status", {})):
            asked = stage.fake.slash(channel, stage.ana, path, permissions=ADMIN, **options)
            assert (await done(stage, asked)).startswith("This works where I am a member")
            assert asked.ephemeral
        asked = stage.fake.complete(channel, stage.ana, "persona", "name", name="")
        await stage.fake.until(lambda asked=asked: asked.callback)  # type: ignore[misc]
        assert asked.choices == []
    assert await stage.memory.places() == before
    assert await stage.memory.settings(f"discord/{stage.fake.bot.id}/{channels[0].id}") == {}


async def test_a_command_that_breaks_says_so_and_the_log_has_no_words(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("bot.chat.proactive.post", broken)
    text = await slash(stage, "post", text="my private words", permissions=ADMIN)
    assert text == "Something went wrong here; the log says what."
    assert "private" not in caplog.text


async def test_after_the_end_has_begun_commands_are_put_off(stage: DiscordStage) -> None:
    stage.bot.stop_intake()
    asked = stage.fake.slash(stage.quay, stage.ana, "persona", name="ozzo")
    assert (await done(stage, asked)).startswith("I am about to stop")
    assert (await stage.chat.resident(stage.place())).key == "mara"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Done.", "Done."),
        ("a\nb", "```\na\nb\n```"),
        ("a ``` b", "a ``` b"),
        ("a ``` b\nc", "```\na ''' b\nc\n```"),
    ],
)
def test_tables_stand_in_a_block_that_nothing_ends(text: str, shown: str) -> None:
    assert format_answer(text) == shown


@pytest.mark.parametrize("text", ["x" * 5000, "line of a table\n" * 500, "x" * 2000, "a\n" + "x" * 3000])
def test_a_long_answer_is_cut_and_says_so(text: str) -> None:
    made = format_answer(text)
    assert len(made) <= MAX_ANSWER
    assert made == text or "…" in made[-6:]
