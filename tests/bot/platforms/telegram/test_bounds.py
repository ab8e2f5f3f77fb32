"""Places with work, work beside the queues, menus, drafts and parts of notices are bounded."""

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.telegram import chat_queues, command_menu, inbound, outlet
from bot.platforms.telegram.chat_queues import ChatQueues
from bot.platforms.telegram.command_menu import Menu, OpenMenus
from bot.platforms.telegram.events import BotAccount
from bot.platforms.telegram.inbound import InboundUpdates
from bot.platforms.telegram.notices import send_notice
from bot.platforms.telegram.rate_limit import RateLimit

PLACES = [Place("telegram", "1", str(number)) for number in range(30)]


async def test_places_with_work_and_work_beside_them_are_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(chat_queues, "MAX_PLACES", 10)
    queues, release, done = ChatQueues(), asyncio.Event(), list[Place]()

    async def work(place: Place) -> None:
        await release.wait()
        done.append(place)

    with caplog.at_level(logging.WARNING):
        for place in PLACES:
            queues.enqueue(place, lambda place=place: work(place))  # type: ignore[misc]
            queues.start(place, lambda place=place: work(place))  # type: ignore[misc]
    assert (len(queues._queues), len(queues._tasks)) == (10, 20)
    assert caplog.text.count("command_queue_full") == 40
    release.set()
    while queues._tasks:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert sorted(map(str, done)) == sorted([*map(str, PLACES[:10])] * 2)
    queues.start(PLACES[20], lambda: work(PLACES[20]))
    assert len(queues._tasks) == 1
    await queues.close()


def test_the_newest_menus_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_menu, "_MAX_MENUS", 5)
    menus = OpenMenus()
    for place in PLACES:
        menus.open("7", Menu(place, 1, "persona", ()))
    assert [menus.find(place.chat, "7") is not None for place in PLACES] == [False] * 25 + [True] * 5


async def test_drafts_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "_MAX_SHOWN", 5)

    class Calls:
        """A sender that takes every draft."""

        bot = SimpleNamespace(send_message_draft=lambda *args, **options: None)

        def is_open(self, place: Place) -> bool:
            return True

        async def call(self, place: Place, call: object) -> None:
            return None

    chat: Any = SimpleNamespace(cast=SimpleNamespace(personas={}))
    sender: Any = Calls()
    shown = outlet.TelegramOutlet(sender, chat, outlet.TelegramTimings())
    persona: Any = SimpleNamespace(name="Mara")
    for place in PLACES:
        await shown._show_draft(place, persona, "A beginning")
        assert len(shown._drafts) <= 5


def test_windows_of_chats_that_are_quiet_again_are_dropped() -> None:
    limit = RateLimit()
    for number in range(1000):
        limit.wait_turn(str(number), False, 10.0 * number)
        limit.close(str(number), 10.0 * number + 5)
        assert len(limit._chats) <= 2
        assert len(limit._closed_until) <= 2


async def test_a_long_notice_has_a_few_parts() -> None:
    sent = list[str]()

    class Calls:
        """A sender that takes every message."""

        async def send(self, place: Place, text: Any, *options: object, silent: bool) -> str:
            sent.append(text.text)
            return str(len(sent))

    sender: Any = Calls()
    assert await send_notice(sender, PLACES[0], "a line of a list\n" * 5_000, "") == "4"
    assert len(sent) == 4
    assert [text[-1] for text in sent] == ["t", "t", "t", "…"]


async def test_names_of_handled_commands_are_kept_up_to_the_bound(tmp_path: Path) -> None:
    async with Memory(tmp_path / "memory.db") as memory:
        unused: Any = None
        updates = InboundUpdates(unused, memory, BotAccount(1, "bot"), unused)
        for number in range(inbound._MAX_DONE + 30):
            assert await updates._is_new(f"press/{number}")
        assert not await updates._is_new("press/200")
        done = (await memory.platform_state("telegram/1"))["done"].split()
    assert done == [f"press/{number}" for number in range(30, inbound._MAX_DONE + 30)]
