"""Scoped settings: the nearest one holds, and each value names its source."""

from dataclasses import replace

import pytest

from bot.chat import scoped_settings
from bot.chat.scoped_settings import SettingValue
from bot.config import ChatSettings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place

THREAD = Place("discord", "bot", "channel", "thread", server="guild")
CHANNEL = replace(THREAD, thread="")
OTHER = Place("discord", "bot", "other", server="guild")
ELSEWHERE = Place("discord", "bot", "far", server="else")


async def listens(memory: Memory, place: Place) -> SettingValue:
    return (await scoped_settings.read_settings(memory, place, ChatSettings()))["listen"]


async def test_the_nearest_setting_holds_and_names_its_source(memory: Memory):
    assert await listens(memory, THREAD) == SettingValue("off", "config.toml")
    assert (
        await scoped_settings.change_setting(memory, THREAD, "listen", "on", server=True)
        == "listen is on for this server."
    )
    await scoped_settings.change_setting(memory, CHANNEL, "listen", "off")
    assert await listens(memory, OTHER) == SettingValue("on", "this server")
    assert await listens(memory, CHANNEL) == SettingValue("off", "this chat")
    assert await listens(memory, THREAD) == SettingValue("off", "this chat")
    await scoped_settings.change_setting(memory, THREAD, "listen", "on")
    assert await listens(memory, THREAD) == SettingValue("on", "this thread")
    assert await listens(memory, ELSEWHERE) == SettingValue("off", "config.toml")


async def test_default_leaves_a_setting_to_the_next_scope(memory: Memory):
    await scoped_settings.change_setting(memory, OTHER, "listen", "on", server=True)
    await scoped_settings.change_setting(memory, CHANNEL, "listen", "off")
    await scoped_settings.change_setting(memory, CHANNEL, "listen", "default")
    assert await listens(memory, CHANNEL) == SettingValue("on", "this server")


@pytest.mark.parametrize(
    ("place", "name", "text", "server", "said"),
    [
        (CHANNEL, "volume", "on", False, "There is no setting 'volume': known are persona, listen"),
        (CHANNEL, "listen", "loud", False, "listen is on, off or default, not 'loud'"),
        (Place("telegram", "bot", "7"), "listen", "on", True, "There is no server here"),
    ],
)
async def test_an_unknown_setting_or_value_is_refused(
    memory: Memory, place: Place, name: str, text: str, server: bool, said: str
):
    with pytest.raises(UserError, match=said):
        await scoped_settings.change_setting(memory, place, name, text, server=server)


async def test_an_erased_place_loses_its_settings(memory: Memory):
    await scoped_settings.change_setting(memory, CHANNEL, "listen", "on")
    await memory.erase_place(CHANNEL)
    assert await listens(memory, CHANNEL) == SettingValue("off", "config.toml")
