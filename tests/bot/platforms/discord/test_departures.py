"""Servers, channels and threads that are gone: the log offers to erase what was said there."""

import logging
from pathlib import Path

import pytest

from bot.platforms.discord import departures
from tests.fixtures.discord_bot import DiscordStage, staged


def offers(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.__dict__["place"] for record in caplog.records if record.message == "place_is_gone"]


async def test_a_server_that_removes_the_bot_is_offered_for_erasure(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.call("Ahoy?")
    await stage.says("Answer 1.")
    with caplog.at_level(logging.WARNING):
        stage.fake.kick(stage.guild)
        await stage.fake.until(lambda: offers(caplog))
    assert [record.message for record in caplog.records] == ["removed_from_server", "place_is_gone"]
    assert offers(caplog) == [str(stage.place())]
    assert caplog.records[1].__dict__["remedy"].endswith(f"data forget --place {stage.place()}")


async def test_a_server_that_removed_the_bot_while_it_was_away_is_offered_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.call("Ahoy?")
        await stage.says("Answer 1.")
        place = str(stage.place())
        await stage.stop()
        stage.fake.kick(stage.guild)
        with caplog.at_level(logging.WARNING):
            await stage.start()
        assert offers(caplog) == [place]


async def test_of_many_places_a_few_are_offered(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "_MAX_OFFERS", 2)
    for number in range(4):
        stage.fake.say(stage.fake.channel(stage.guild, f"pier {number}"), stage.ana, "Ahoy")
    await stage.idle()
    with caplog.at_level(logging.WARNING):
        stage.fake.kick(stage.guild)
        await stage.fake.until(lambda: offers(caplog))
        await stage.idle()
    assert len(offers(caplog)) == 2
