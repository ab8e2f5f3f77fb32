"""Workers of many places: one for each, kept while there is work, and gone once it is quiet."""

import asyncio
import gc

from bot.chat.prompt_pool import THREADS
from bot.chat.worker_pool import WorkerPool
from bot.message import Place
from tests.conftest import Stage
from tests.fixtures.workers import Pipeline, part, pending


def pool_of(pipeline: Pipeline) -> WorkerPool:
    return WorkerPool(pipeline, debounce=0)


def place(number: int) -> Place:
    return Place("test", "bot", f"room {number}")


def quiet_place(number: int) -> Place:
    """A place of a name that no constant of another test has."""
    return Place("test", "bot", f"quiet room {number}")


async def quiet(pool: WorkerPool) -> None:
    """Wait until no place has work."""
    for worker in pool.workers():
        await worker.idle()
    del worker
    await asyncio.sleep(0)
    gc.collect()


async def test_ten_thousand_places_leave_nothing_behind_once_quiet() -> None:
    pipeline = Pipeline(turns=1)
    pool = pool_of(pipeline)
    for number in range(10_000):
        pool.worker(place(number)).enqueue_message(pending(number))
    assert len(pool.workers()) == 10_000
    await quiet(pool)
    assert len(pipeline.replied) == 10_000
    assert pool.workers() == ()


async def test_a_question_about_a_quiet_place_leaves_nothing_behind() -> None:
    pool = pool_of(Pipeline())
    assert not pool.worker(place(1)).stop()
    gc.collect()
    assert pool.workers() == ()


async def test_a_place_that_is_held_or_busy_has_one_worker() -> None:
    pipeline = Pipeline(turns=5)
    pool = pool_of(pipeline)
    held = pool.worker(place(1))
    held.enqueue_message(pending(1))
    await held.idle()
    assert pool.worker(place(1)) is held
    del held
    pool.worker(place(1)).enqueue_outgoing(part("next"))
    gc.collect()
    busy = pool.worker(place(1))
    assert busy.busy
    await busy.idle()
    assert pipeline.sent == ["next"]


async def test_a_closed_pool_begins_nothing_in_any_place() -> None:
    pool = pool_of(Pipeline())
    await pool.close(grace=0)
    worker = pool.worker(place(1))
    worker.enqueue_message(pending(1))
    assert not worker.busy


async def test_a_chat_keeps_no_place_that_is_quiet(stage: Stage) -> None:
    for number in range(30):
        await stage.say("Hello", place=quiet_place(number))
        await stage.say("Hello", place=quiet_place(number), address="")
    await stage.say("Hello")  # the writer's thread holds its last work
    await asyncio.sleep(0)
    gc.collect()
    assert stage.chat.workers() == ()
    stage.engine.requests.clear()
    kept = {
        found for found in gc.get_objects() if type(found) is Place and found.chat.startswith("quiet room ")
    }
    assert len(kept) <= THREADS  # a thread for prompts holds its last work
