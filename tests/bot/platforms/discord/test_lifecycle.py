"""The bot's coming and going on Discord: tokens, intents, connections; and what stays where it belongs."""

import asyncio
import logging
from pathlib import Path

import pytest

from bot.addresses import Addresses
from bot.config import DiscordSettings
from bot.errors import UserError
from bot.platforms.discord import Discord
from bot.platforms.discord.compat import RECONNECT_MESSAGE
from tests.fakes.discord_server import answer, reset
from tests.fixtures.discord_bot import QUICK, DiscordStage, staged
from tests.fixtures.discord_outlet import (
    answers,
)


async def test_a_wrong_token_is_an_error_before_any_session(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.fake.rest.token = "another"
        with pytest.raises(UserError, match="does not accept the token"):
            await stage.start()
        assert stage.fake.identifies == []


async def test_a_missing_intent_is_an_error_before_any_session(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.fake.faults.clear()
        with pytest.raises(UserError, match="switch on the Message Content Intent"):
            await stage.start()
        assert stage.fake.identifies == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (4004, "does not accept the token"),
        (4013, "code 4013"),
        (4014, "switch on the Message Content Intent"),
        (4011, "asks for sharding"),
    ],
)
async def test_a_close_code_that_a_restart_cannot_help_ends_it(tmp_path: Path, code: int, said: str) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.fake.close_gateway(code)
        with pytest.raises(UserError, match=said):
            await stage.running
        await asyncio.sleep(0.2)
        assert len(stage.fake.identifies) == 1


async def test_until_discord_can_be_reached_it_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        await stage.fake.down()
        stage.fake.faults.script("GET /users/@me", answer(503), answer(503))
        starting = asyncio.create_task(stage.start())
        await stage.fake.until(lambda: caplog.messages.count("discord_unreachable") >= 4)
        await stage.fake.up()
        await starting
        stage.call("Rain?")
        await stage.says("Answer 1.")


async def test_a_gateway_that_is_not_there_at_first_is_tried_again(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start(connected=False, logged_in=stage.fake.down)
        await asyncio.sleep(0.1)
        await stage.fake.up()
        await stage.fake.until(lambda: stage.bot._recovered, 15)
        stage.call("Rain?")
        await stage.says("Answer 1.")


async def test_a_gateway_that_closes_at_first_is_tried_again(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.fake.knobs.close_next = [4000, 4000]
        await stage.start()
        stage.call("Rain?")
        await stage.says("Answer 1.")


async def test_a_while_without_discord_ends_in_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        await stage.fake.down()
        await stage.fake.until(lambda: "connection_lost" in caplog.messages)
        assert stage.bot._client.connection_status().startswith("not connected for ")
        await stage.fake.up()
        stage.call("after", author=stage.bo)
        await stage.fake.until(lambda: len(answers(stage.quay)) == 2, 15)
        await stage.fake.until(lambda: "connection_restored" in caplog.messages)
        assert stage.bot._client.connection_status().startswith("connected")


async def test_however_long_discord_is_away_it_is_tried_again_soon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        await stage.fake.down()
        tries = lambda: [record for record in caplog.records if record.msg == RECONNECT_MESSAGE]  # noqa: E731
        await stage.fake.until(lambda: len(tries()) >= 12, 15)
        await stage.fake.up()
        assert max(record.args for record in tries()) <= (QUICK.longest_reconnect,)  # type: ignore[type-var]
        assert {(record.levelname, record.exc_info) for record in tries()} == {("WARNING", None)}
        stage.call("Rain?")
        await stage.says("Answer 1.")


async def test_two_instances_of_one_token_do_not_run(stage: DiscordStage) -> None:
    second = Discord(
        stage.chat,
        stage.memory,
        DiscordSettings(),
        stage.fake.token,
        Addresses(stage.fake.api, stage.fake.gateway),
        QUICK,
    )
    with pytest.raises(UserError, match="Another alterego is running with this Discord token"):
        await second.__aenter__()


async def test_the_log_holds_no_message_no_name_and_no_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with staged(tmp_path) as stage:
        ana = stage.fake.user("canary-name")
        stage.fake.join(stage.guild, ana)
        await stage.start()
        stage.engine.script.append("canary-answer one two")
        stage.fake.faults.script("POST /webhooks/*", answer(503), reset())
        stage.call("canary-message", author=ana)
        await stage.fake.until(lambda: answers(stage.quay) == ["canary-answer one two"])
        stage.fake.emit("MESSAGE_CREATE", {"id": "1", "content": "canary-message"}, None)
        stage.fake.schema_errors.clear()  # it is to be wrong
        stage.fake.abort_gateway()
        await stage.fake.until(lambda: len(stage.fake.connections) == 2)
        for webhook in stage.fake.platform.webhooks.values():
            assert webhook.token not in caplog.text
        assert "canary" not in caplog.text
        assert stage.fake.token not in caplog.text


async def test_a_message_is_read_in_no_other_place(stage: DiscordStage) -> None:
    places = [stage.fake.channel(stage.guild, f"room{n}") for n in range(5)]
    places += [
        stage.fake.thread(places[0], owner=stage.ana),
        stage.fake.dm(stage.ana),
        stage.fake.dm(stage.bo),
    ]
    lamp = stage.fake.guild("Lighthouse", stage.ana)
    places += [stage.fake.channel(lamp, f"room{n}") for n in range(2)]
    for number, channel in enumerate(places):
        who = channel.recipients[1] if channel.guild is None else stage.ana
        stage.fake.say(channel, who, f"secret-{number}-", mentions=[stage.fake.bot])
    await stage.fake.until(lambda: all(answers(channel) for channel in places))
    await stage.idle()
    for channel in places:
        who = channel.recipients[1] if channel.guild is None else stage.ana
        stage.fake.say(channel, who, "What did I say?", mentions=[stage.fake.bot])
    await stage.fake.until(lambda: len(stage.engine.requests) == 2 * len(places))
    await stage.idle()
    for prompt in stage.engine.prompts():
        assert len({n for n in range(len(places)) if f"secret-{n}-" in prompt}) == 1
