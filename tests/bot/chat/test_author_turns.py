"""Whoever writes in many places, or on and on in one, waits for a turn; others are answered meanwhile."""

import asyncio

from bot.chat.author_turns import REPLIES_A_MINUTE, REPLIES_TO_ONE, AuthorTurns
from bot.chat.reply_task import ReplyRequest, ReplyTask
from bot.chat.worker import ConversationWorker
from bot.chat.worker_pool import WorkerPool
from bot.message import Place
from tests.fixtures.workers import PLACE, Clock, Pipeline, pass_turns, pending


class Held(Pipeline):
    """A pipeline whose replies last until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Semaphore(0)

    async def reply(self, task: ReplyTask) -> None:
        await self.let_go.acquire()


def place(number: int) -> Place:
    return Place("test", "bot", f"pier {number}")


async def crowded() -> tuple[Held, WorkerPool]:
    """Return a pool in which mallory has written in one place more than is answered at once."""
    pipeline = Held()
    pool = WorkerPool(pipeline, debounce=0)
    for number in range(REPLIES_TO_ONE + 1):
        pool.worker(place(number)).enqueue_message(pending(number, "mallory"))
    await pass_turns(10)
    return pipeline, pool


def begun(pipeline: Held) -> list[tuple[str, ...]]:
    return [request.message_ids for request in pipeline.requests]


async def test_one_person_alone_is_given_four_replies_at_once() -> None:
    pipeline, pool = await crowded()
    assert begun(pipeline) == [("0",), ("1",), ("2",), ("3",)]
    pipeline.let_go.release()
    await pass_turns(10)
    assert begun(pipeline)[4:] == [("4",)]
    await pool.close(grace=0)


async def test_another_person_is_answered_at_once_in_another_place() -> None:
    pipeline, pool = await crowded()
    pool.worker(place(9)).enqueue_message(pending(9, "ana"))
    await pass_turns(10)
    assert begun(pipeline)[4:] == [("9",)]
    await pool.close(grace=0)


async def test_another_person_is_answered_at_once_in_the_place_that_waits() -> None:
    pipeline, pool = await crowded()
    pool.worker(place(4)).enqueue_message(pending(9, "ana"))
    await pass_turns(10)
    assert begun(pipeline)[4:] == [("9",)]
    await pool.close(grace=0)


async def test_a_reply_that_a_command_asks_for_takes_a_turn_too() -> None:
    pipeline, pool = await crowded()
    pool.worker(place(9)).enqueue_request(ReplyRequest("mara", "asked to go on", user="mallory"))
    pool.worker(place(10)).enqueue_request(ReplyRequest("mara", "asked to go on", user="ana"))
    await pass_turns(10)
    assert [request.user for request in pipeline.requests[4:]] == ["ana"]
    await pool.close(grace=0)


async def test_a_chat_that_moves_while_it_waits_is_answered_where_it_goes_on() -> None:
    pipeline, pool = await crowded()
    pool.move(place(4), place(5))
    await pass_turns(10)
    assert not pool.worker(place(4)).busy
    pipeline.let_go.release()
    await pass_turns(10)
    assert begun(pipeline)[4:] == [("room:4",)]
    await pool.close(grace=0)


async def test_a_pool_that_closes_leaves_what_waits_unanswered() -> None:
    pipeline, pool = await crowded()
    worker = pool.worker(place(4))
    await pool.close(grace=0)
    assert (worker.waiting, begun(pipeline)[4:]) == (1, [])


async def test_superseded_replies_give_their_turns_back() -> None:
    pipeline, pool = await crowded()
    for number in (10, 11, 12):  # each supersedes the reply in its place
        pool.worker(place(0)).enqueue_message(pending(number, "mallory"))
        await pass_turns(10)
    for _ in range(20):
        pipeline.let_go.release()
        await pass_turns(10)
    assert ("4",) in pipeline.replied
    assert all(not worker.busy for worker in pool.workers())


async def answered(worker: ConversationWorker, first: int, author: str, count: int) -> None:
    """Let somebody say so many things, one behind the other's answer."""
    for number in range(first, first + count):
        worker.enqueue_message(pending(number, author))
        await pass_turns(10)


async def test_who_writes_on_and_on_among_others_is_given_ten_replies_a_minute() -> None:
    clock, pipeline = Clock(), Pipeline()
    worker = ConversationWorker(pipeline, PLACE, 0, clock, turns=AuthorTurns(clock))
    await answered(worker, 0, "ana", 1)
    await answered(worker, 1, "mallory", REPLIES_A_MINUTE + 2)
    assert len(pipeline.replied) == 1 + REPLIES_A_MINUTE
    await answered(worker, 20, "ana", 1)
    assert pipeline.replied[-1] == ("20",)
    clock.now = 60.0
    await answered(worker, 30, "mallory", 1)
    assert pipeline.replied[-1] == ("11", "12", "30")
    await worker.close()


async def test_who_is_alone_in_a_place_is_answered_at_any_pace() -> None:
    clock, pipeline = Clock(), Pipeline()
    worker = ConversationWorker(pipeline, PLACE, 0, clock, turns=AuthorTurns(clock))
    await answered(worker, 0, "mallory", 3 * REPLIES_A_MINUTE)
    assert len(pipeline.replied) == 3 * REPLIES_A_MINUTE


async def test_the_pace_of_a_place_holds_nobody_up_elsewhere() -> None:
    clock, pipeline = Clock(), Pipeline()
    turns = AuthorTurns(clock)
    here, there = (ConversationWorker(pipeline, place(n), 0, clock, turns=turns) for n in range(2))
    await answered(here, 0, "ana", 1)
    await answered(here, 1, "mallory", REPLIES_A_MINUTE + 1)
    await answered(there, 20, "mallory", 1)
    assert pipeline.replied[-1] == ("20",)
    await here.close()


async def test_turns_keep_nothing_of_who_is_quiet() -> None:
    clock, pipeline = Clock(), Pipeline()
    turns = AuthorTurns(clock)
    for number in range(5):
        await answered(ConversationWorker(pipeline, place(number), 0, clock, turns=turns), number, "ana", 1)
    clock.now = 61.0
    await answered(ConversationWorker(pipeline, place(9), 0, clock, turns=turns), 9, "ana", 1)
    assert (len(turns._begun), len(turns._taken), len(turns._waiting)) == (1, 0, 0)
