"""The work that waits in one place of Telegram is bounded, and the queue of a place without work is gone."""

import asyncio
import logging

import pytest

from bot.message import Place
from bot.platforms.telegram.chat_queues import MAX_OF_PERSON, MAX_QUEUED, ChatQueues

PLACE = Place("telegram", "1", "2")


async def test_work_beyond_a_full_queue_is_dropped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    queues, release, done = ChatQueues(), asyncio.Event(), list[int]()

    async def work(number: int) -> None:
        await release.wait()
        done.append(number)

    with caplog.at_level(logging.WARNING):
        for number in range(1000):
            queues.enqueue(PLACE, lambda number=number: work(number))  # type: ignore[misc]
    release.set()
    while queues._queues:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert done == [*range(len(done))]
    assert len(done) <= MAX_QUEUED + 1
    assert caplog.text.count("command_queue_full") == 1000 - len(done)
    await queues.close()


async def test_one_person_leaves_room_for_the_commands_of_others() -> None:
    queues, release, done = ChatQueues(), asyncio.Event(), list[str]()

    async def work(person: str) -> None:
        await release.wait()
        done.append(person)

    for person in ("mallory",) * 100 + ("ana",):
        queues.enqueue(PLACE, lambda person=person: work(person), person)  # type: ignore[misc]
    release.set()
    while queues._queues:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert done == ["mallory"] * MAX_OF_PERSON + ["ana"]
    await queues.close()
