"""The work that waits in one place of Telegram is bounded, and the queue of a place without work is gone."""

import asyncio
import logging

import pytest

from bot.message import Place
from bot.platforms.telegram.chat_queues import MAX_QUEUED, ChatQueues

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
