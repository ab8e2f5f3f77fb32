"""Migration 003: the state of platforms leaves the settings of people for a table of its own."""

from pathlib import Path

import pytest

from bot.memory.db.migration import own_scripts
from bot.memory.store import Memory

STATE = {
    "discord/1": {"since": "100", "catch_up": "90", "menu": "abc"},
    "telegram/2": {"done": "5/1 5/2", "menu": "def"},
}
SETTINGS = {
    "discord/1/7": {"persona": "eva", "listen": "on"},
    "discord/1/server/3": {"names": "off"},
    "telegram/2/-5": {"bots": "on"},
}


@pytest.fixture
def schema_before(tmp_path: Path) -> Path:
    """A folder with the migrations that versions without `platform_state` had."""
    folder = tmp_path / "schema"
    folder.mkdir()
    for script in own_scripts().iterdir():
        if script.name < "003":
            (folder / script.name).write_text(script.read_text("utf-8"))
    return folder


async def test_the_state_of_platforms_is_moved_and_settings_stay(tmp_path: Path, schema_before: Path) -> None:
    path = tmp_path / "memory.db"
    async with Memory(path, schema=schema_before) as memory:
        for scope, values in (STATE | SETTINGS).items():
            for name, value in values.items():
                await memory.set_setting(scope, name, value)
    async with Memory(path) as memory:
        assert {scope: await memory.platform_state(scope) for scope in STATE} == STATE
        assert {scope: await memory.settings(scope) for scope in STATE} == {scope: {} for scope in STATE}
        assert {scope: await memory.settings(scope) for scope in SETTINGS} == SETTINGS
        assert [await memory.platform_state(scope) for scope in SETTINGS] == [{}, {}, {}]
