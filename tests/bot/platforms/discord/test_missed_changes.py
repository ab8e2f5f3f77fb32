"""Messages that people delete or edit while no process is connected follow at the next start."""

from pathlib import Path

import pytest

from bot.platforms.discord import missed_changes
from tests.fakes.discord_server import answer
from tests.fixtures.discord_bot import staged


async def test_a_message_deleted_while_the_bot_was_away_is_erased(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.fake.say(stage.quay, stage.bo, "stays")
        regretted = stage.fake.say(stage.quay, stage.ana, "my address is a secret")
        stage.call("Ahoy?")
        await stage.says("Answer 1.")
        await stage.stop()
        stage.fake.delete(regretted)
        await stage.start()
        await stage.idle()
        assert await stage.history() == ["bo: stays", "ana: Ahoy?", "Mara: Answer 1."]


async def test_a_message_edited_while_the_bot_was_away_has_its_new_text(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        regretted = stage.fake.say(stage.quay, stage.ana, "my address is a secret")
        await stage.remembered(1)
        await stage.stop()
        stage.fake.edit(regretted, "never mind")
        await stage.start()
        await stage.idle()
        assert await stage.history() == ["ana: never mind"]


@pytest.mark.parametrize("reply", [answer(200, []), answer(403), answer(503)])
async def test_a_list_that_says_nothing_erases_nothing(tmp_path: Path, reply: object) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.call("Ahoy?")
        await stage.says("Answer 1.")
        await stage.stop()
        stage.fake.faults.script("GET /channels/*/messages*", reply, times=9)
        await stage.start()
        await stage.idle()
        assert await stage.history() == ["ana: Ahoy?", "Mara: Answer 1."]


async def test_messages_older_than_the_page_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_changes, "PAGE_SIZE", 3)
    async with staged(tmp_path) as stage:
        await stage.start()
        said = [stage.fake.say(stage.quay, stage.bo, f"word {number}") for number in range(6)]
        await stage.remembered(6)
        await stage.stop()
        stage.fake.delete(said[4])
        await stage.start()
        await stage.idle()
        assert await stage.history() == [f"bo: word {number}" for number in (0, 1, 2, 3, 5)]
