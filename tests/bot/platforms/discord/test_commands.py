"""Commands on Discord: deferred at once, run once and answered in one message."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.discord_server import answer, permissions, reset
from tests.fixtures.discord_bot import QUICK, DiscordStage, staged
from tests.fixtures.discord_outlet import (
    final_answer,
    run_slash,
)

ADMIN = permissions("manage_guild")


async def test_help_is_a_table_for_the_asker_alone(stage: DiscordStage) -> None:
    asked = stage.fake.slash(stage.quay, stage.ana, "help")
    text = await final_answer(stage, asked)
    assert text.startswith("```\n/help ")
    assert "/post" not in text
    assert (asked.ephemeral, asked.deferred) == (True, True)


async def test_a_persona_is_chosen_for_a_channel_and_everybody_sees_it(stage: DiscordStage) -> None:
    asked = stage.fake.slash(stage.quay, stage.ana, "persona", name="ozzo", permissions=ADMIN)
    assert await final_answer(stage, asked) == "Ozzo speaks here now."
    assert not asked.ephemeral
    stage.call("Who?")
    await stage.says("Answer 1.")
    assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"
    other = stage.fake.channel(stage.guild, "other")
    assert (await run_slash(stage, "persona", other)).startswith("Mara (mara) speaks here")


async def test_a_chosen_persona_survives_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        await run_slash(stage, "persona", name="ozzo", permissions=ADMIN)
        await stage.stop()
        await stage.start()
        stage.call("Who?")
        await stage.says("Answer 1.")
        assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"


async def test_a_channel_that_is_to_be_listened_to_needs_no_mention(stage: DiscordStage) -> None:
    other = stage.fake.channel(stage.guild, "other")
    await run_slash(stage, "settings", name="listen", value="on", permissions=ADMIN)
    for channel in (other, stage.quay):
        stage.fake.say(channel, stage.ana, "Rain?")
    await stage.says("Answer 1.")
    assert [text for text in other.texts if text.startswith("Answer")] == []


async def test_threads_and_direct_chats_have_their_own_persona(stage: DiscordStage) -> None:
    thread = stage.fake.thread(stage.quay)
    assert (
        await run_slash(stage, "persona", thread, name="ozzo", permissions=ADMIN) == "Ozzo speaks here now."
    )
    assert (await run_slash(stage, "persona")).startswith("Mara (mara)")
    chat = stage.fake.dm(stage.ana)
    assert await run_slash(stage, "persona", chat, name="ozzo") == "Ozzo speaks here now."
    assert (
        await run_slash(stage, "settings", chat, name="listen", value="on") == "listen is on for this chat."
    )


async def test_an_error_for_people_is_the_answer(stage: DiscordStage) -> None:
    assert (
        await run_slash(stage, "persona", name="zed", permissions=ADMIN)
        == "There is no persona 'zed': known are mara, ozzo."
    )


async def test_a_command_without_an_answer_deletes_its_deferred_response(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    assert await run_slash(stage, "again") == ""
    await stage.says("Answer 2.")
    assert stage.quay.texts[1:] == ["Answer 2."]


async def test_a_command_is_deferred_at_once_however_long_the_answer_takes(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    stage.fake.ack_window = 0.3
    stage.engine.hold = asyncio.Event()
    asked = stage.fake.slash(stage.quay, stage.ana, "again")
    await stage.engine.holding.wait()
    await asyncio.sleep(0.5)
    stage.engine.hold.set()
    assert await final_answer(stage, asked) == ""
    assert asked.acknowledged is not None
    assert asked.acknowledged - asked.at < 0.3


async def test_a_command_that_never_ends_is_given_up(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, command_timeout=0.2)
        await stage.start()
        stage.call("Rain?")
        await stage.says("Answer 1.")
        stage.engine.hold = asyncio.Event()
        assert await run_slash(stage, "again") == "That takes too long; look again later."
        stage.engine.hold.set()


async def test_an_interaction_delivered_twice_is_run_once(stage: DiscordStage) -> None:
    asked = stage.fake.slash(stage.quay, stage.ana, "post", permissions=ADMIN, text="Ahoy.")
    stage.fake.repeat("INTERACTION_CREATE", 2)
    await final_answer(stage, asked)
    await stage.fake.until(lambda: len(stage.fake.sent("POST /interactions/*")) == 3)
    await stage.idle()
    assert stage.quay.texts.count("Ahoy.") == 1


async def test_an_interaction_that_comes_too_late_is_not_done(stage: DiscordStage) -> None:
    stage.fake.ack_window = -1.0
    stage.fake.slash(stage.quay, stage.ana, "persona", name="ozzo", permissions=ADMIN)
    await stage.fake.until(lambda: [r.status for r in stage.fake.sent("POST /interactions/*")] == [404])
    await stage.idle()
    assert (await stage.chat.resident(stage.place())).key == "mara"


async def test_an_answer_whose_calls_fail_is_sent_once(stage: DiscordStage) -> None:
    stage.fake.faults.script("PATCH /webhooks/*", reset(), answer(429, headers={"Via": "1"}, body="x"))
    assert (await run_slash(stage, "persona")).startswith("Mara (mara)")


async def test_a_command_that_fails_answers_with_an_error_and_logs_no_text(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("bot.chat.proactive.post", broken)
    text = await run_slash(stage, "post", text="my private words", permissions=ADMIN)
    assert text == "Something went wrong here; the log says what."
    assert "private" not in caplog.text


async def test_after_the_end_has_begun_commands_are_put_off(stage: DiscordStage) -> None:
    stage.bot.stop_intake()
    asked = stage.fake.slash(stage.quay, stage.ana, "persona", name="ozzo", permissions=ADMIN)
    assert (await final_answer(stage, asked)).startswith("I am about to stop")
    assert (await stage.chat.resident(stage.place())).key == "mara"


async def test_an_answer_for_everybody_that_comes_after_the_deadline_is_a_message(
    stage: DiscordStage,
) -> None:
    stage.fake.token_life = -1.0
    stage.fake.slash(stage.quay, stage.ana, "persona", name="ozzo", permissions=ADMIN)
    await stage.says("Ozzo speaks here now.")
    chat = stage.fake.dm(stage.ana)
    stage.fake.slash(chat, stage.ana, "why")
    await stage.says("Nothing has been decided here yet.", channel=chat)


async def test_an_answer_for_its_asker_alone_is_shown_to_nobody_else(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.fake.token_life = -1.0
    stage.fake.slash(stage.quay, stage.ana, "status")
    await stage.fake.until(lambda: "command_unanswered" in caplog.messages)
    assert stage.quay.texts == []
    (record,) = (r for r in caplog.records if r.getMessage() == "command_unanswered")
    assert record.__dict__["code"] == 50027
