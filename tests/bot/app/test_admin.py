"""The command `data forget` says what it erased, what stays, and how to erase the rest."""

from argparse import Namespace
from pathlib import Path

import pytest

from bot.app.admin import data_forget, data_status
from bot.memory.store import Memory
from bot.message import Author, Place
from tests.faults.memory_story import answer, said

GROUP = Place("telegram", "bot", "-7")


@pytest.fixture
async def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    """Settings with a memory in which two people were answered together, and a chat with settings alone."""
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("ALTEREGO_DATA", str(tmp_path / "data"))
    async with Memory(tmp_path / "data/memory.db") as memory:
        await memory.accept(said(1, place=GROUP))
        await memory.accept(said(2, place=GROUP, author=Author("3", "Ben")))
        await answer(memory, ["m1", "m2"], "both", place=GROUP)
        await memory.set_setting("discord/bot/555", "persona", "eva")
    return Namespace(config=tmp_path / "config.toml", author=None, place=None)


async def test_answers_that_stay_are_told_with_the_command_that_erases_them(options: Namespace) -> None:
    options.author = "1"
    first, *more = (await data_forget(options)).splitlines()
    assert first.startswith("Erased 1 messages, 0 quotations, 0 answers, 0 parts of replies, 0 settings, ")
    assert more == [
        "1 answers to others stay, which were made after this person had spoken and may repeat their words, "
        "as messages of others may. To erase all of such a place:",
        "python -m bot data forget --place telegram/bot/-7",
    ]


async def test_an_id_of_nobody_is_told(options: Namespace) -> None:
    options.author = "Anna"
    assert (await data_forget(options)).startswith("Nothing is stored about 'Anna'")


async def test_a_place_with_settings_alone_is_listed_and_erased(options: Namespace) -> None:
    assert "discord/bot/555                          settings alone" in await data_status(options)
    options.place = "discord/bot/555"
    assert "1 settings" in await data_forget(options)
    assert "555" not in await data_status(options)
