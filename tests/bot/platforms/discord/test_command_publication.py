"""The list of commands at Discord: kept whole, and published in the end whatever refuses it."""

import asyncio
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.app.doctor import run_checks
from bot.chat.commands import COMMANDS, publication
from bot.platforms.discord.refusals import describe_publication_error
from tests.fakes.discord_server import answer, limited, reset
from tests.fixtures.discord_bot import QUICK, DiscordStage, staged
from tests.fixtures.discord_outlet import run_slash

PUT = "PUT /applications/*/commands"


def add_entry_point(stage: DiscordStage) -> dict[str, Any]:
    """Give the application the command that Discord makes when Activities are switched on."""
    command = {
        "id": "77",
        "application_id": str(stage.fake.bot.id),
        "version": "1",
        "type": 4,
        "name": "launch",
        "description": "",
        "handler": 2,
        "contexts": [0, 1, 2],
        "integration_types": [0, 1],
        "default_member_permissions": None,
        "nsfw": False,
    }
    stage.fake.commands[None] = [command]
    return command


def published(stage: DiscordStage) -> set[str]:
    return {command["name"] for command in stage.fake.commands.get(None, ())}


async def test_the_entry_point_of_an_activity_survives(tmp_path: Path) -> None:
    """serenity-rs/serenity#2993: a list without the command of type 4 is refused (50240)."""
    async with staged(tmp_path) as stage:
        before = add_entry_point(stage)
        await stage.start()
        (kept,) = (one for one in stage.fake.commands[None] if one["type"] == 4)
        assert {name: kept[name] for name in before if name != "version"} == {
            name: value for name, value in before.items() if name != "version"
        }
        assert published(stage) >= {"launch", *(command.name for command in COMMANDS)}
        assert [one.status for one in stage.fake.sent(PUT)] == [200]


async def test_a_refused_publication_names_code_and_remedy_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """serenity-rs/serenity#2993: the log, /status and doctor name the code; later it succeeds."""
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, retry_delay=0.3)
        caplog.set_level(logging.INFO)
        refused = {"message": "You cannot remove this app's Entry Point command", "code": 50240}
        stage.fake.faults.script(PUT, answer(400, refused), answer(400, refused))
        await stage.start(connected=False)
        await stage.fake.until(lambda: caplog.messages.count("publish_commands_failed") == 1)
        reason = stage.bot._publication.failure
        assert re.search(r"Entry Point command must stay .* developer portal \(400, code 50240\)$", reason)
        assert f"commands are not published: {reason}" in stage.chat.health["discord"]()
        assert await stage.memory.platform_state("publication") == {f"discord/{stage.fake.bot.id}": reason}
        await stage.fake.until(lambda: "help" in published(stage))
        await stage.fake.until(lambda: "commands_published" in caplog.messages)
        assert [one.status for one in stage.fake.sent(PUT)] == [400, 400, 200]
        assert "not published" not in stage.chat.health["discord"]()
        await stage.idle()
        assert await stage.memory.platform_state("publication") == {}


async def test_doctor_names_what_the_last_process_could_not_publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALTEREGO_DATA", raising=False)
    async with staged(tmp_path / "data") as stage:
        (tmp_path / "data").mkdir()
        stage.fake.faults.script(PUT, *[answer(403, {"message": "Missing Access", "code": 50001})] * 99)
        await stage.start(connected=False)
        while not await stage.memory.platform_state("publication"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await stage.stop()
        (tmp_path / "config.toml").write_text('[model]\ndevice = "cpu"\nnative = false\n')
        findings = await run_checks(tmp_path / "config.toml")
    found = [finding for finding in findings if finding.subject == "commands"]
    assert [finding.right for finding in found] == [False], findings
    assert "invite it again with the scope applications.commands (403, code 50001)" in found[0].text


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (answer(403), "invite it again with the scope applications.commands (403)"),
        (answer(400, {"message": "x", "code": 30034}), "wait until tomorrow (400, code 30034)"),
        (
            answer(400, {"message": "x", "code": 30032}),
            "delete those of other programs in it (400, code 30032)",
        ),
        (answer(400, {"message": "x", "code": 50035}), "update alterego (400, code 50035)"),
        (answer(400, {"message": "x", "code": 4242}), "Discord refuses the commands (400, code 4242)"),
        (answer(503), "Discord has a fault of its own (503): nothing is to be done"),
        (limited(0.2, via=False), "too many calls: Discord asks to wait (429)"),
        (limited(60.0), "200 new commands in a day (code 30034): Discord asks to wait 60 s (429)"),
        (reset(), "Error)"),
    ],
)
async def test_each_failure_has_a_reason(tmp_path: Path, fault: Any, reason: str) -> None:
    async with staged(tmp_path) as stage:
        stage.fake.faults.script("GET /applications/*/commands", *[fault] * 99)
        await stage.start(connected=False)
        await stage.fake.until(lambda: stage.bot._publication.failure)
        assert stage.bot._publication.failure.endswith(reason)


async def test_a_new_connection_ends_the_wait(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, retry_delay=60.0)
        stage.fake.faults.script(PUT, answer(503), answer(503))
        await stage.start(connected=False)
        for count in (1, 2):
            await stage.fake.until(lambda count=count: len(stage.fake.sent(PUT)) == count)  # type: ignore[misc]
            await stage.fake.until(lambda: stage.bot._publication.failure)
            await stage.fake.ready()
            stage.fake.reconnect()
        await stage.fake.until(lambda: "help" in published(stage))


async def test_commands_that_somebody_deleted_are_published_at_the_next_start(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        await stage.stop()
        stage.fake.commands[None] = []
        await stage.start()
        await stage.fake.until(lambda: "help" in published(stage))
        assert (await run_slash(stage, "persona")).startswith("Mara (mara)")


def test_waits_grow_to_an_hour() -> None:
    assert publication.LONGEST_WAIT == 3600.0
    assert describe_publication_error(OSError()) == "Discord cannot be reached (OSError)"
