"""Application commands on Discord: published, proposed while typing, and answers that fit a message."""

from pathlib import Path

import pytest

from bot.chat.commands import COMMANDS, Level
from bot.platforms.discord.command_menu import MAX_ANSWER, format_answer
from tests.fakes.discord_server import answer, permissions
from tests.fixtures.discord_bot import DiscordStage, staged
from tests.fixtures.discord_outlet import final_answer, run_slash


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


async def test_values_are_proposed_while_typing(stage: DiscordStage) -> None:
    cases = {
        ("persona", "name", "o"): ["ozzo"],
        ("persona", "name", "BELL"): ["ozzo"],
        ("persona", "name", "ozo"): ["ozzo"],
        ("settings", "name", "s"): [
            "persona",
            "listen",
            "names",
            "bots",
            "presence_penalty",
            "min_tokens",
            "max_tokens",
            "rounds",
        ],
        ("sampling", "name", "re"): [
            "temperature",
            "repetition_penalty",
            "presence_penalty",
            "frequency_penalty",
            "reset",
        ],
        ("settings", "value", "O"): ["on", "off"],
    }
    for (path, option, typed), expected in cases.items():
        asked = stage.fake.complete(stage.quay, stage.ana, path, option, **{option: typed})
        await stage.fake.until(lambda asked=asked: asked.callback)  # type: ignore[misc]
        assert [choice["value"] for choice in asked.choices] == expected


@pytest.mark.parametrize("command", ["sampling", "settings"])
async def test_values_of_sampling_are_proposed_and_others_may_be_typed(
    stage: DiscordStage, command: str
) -> None:
    asked = stage.fake.complete(stage.quay, stage.ana, command, "value", name="top_k", value="")
    await stage.fake.until(lambda: asked.callback)
    assert [choice["value"] for choice in asked.choices] == ["0", "20", "40", "50", "100", "default"]
    text = await run_slash(stage, command, name="top_k", value="33", permissions=permissions("manage_guild"))
    assert text == "top_k is 33 for this chat."


async def test_values_of_a_setting_are_proposed_for_that_setting(stage: DiscordStage) -> None:
    asked = stage.fake.complete(stage.quay, stage.ana, "settings", "value", name="Persona", value="")
    await stage.fake.until(lambda: asked.callback)
    assert [choice["value"] for choice in asked.choices] == ["mara", "ozzo", "default"]


async def test_menus_of_a_message_ask_about_the_newest_answer(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    old = list(stage.quay.messages.values())[-1]
    why = await final_answer(stage, stage.fake.menu(stage.quay, stage.bo, "Why this answer?", old))
    assert why.startswith("```\nrule      mentioned; answered\npersona   mara")
    assert await final_answer(stage, stage.fake.menu(stage.quay, stage.bo, "Another answer", old)) == ""
    await stage.says("Answer 2.")
    stage.call("More?")
    await stage.says("Answer 3.")
    for target in (next(iter(stage.quay.messages.values())), old):
        asked = stage.fake.menu(stage.quay, stage.bo, "Another answer", target)
        assert (await final_answer(stage, asked)).startswith("Only the newest answer here can be asked about")


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
def test_a_long_answer_is_cut_and_marked(text: str) -> None:
    made = format_answer(text)
    assert len(made) <= MAX_ANSWER
    assert made == text or "…" in made[-6:]
