"""Whoever writes in many places at once waits for a turn; others are answered meanwhile."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.author_turns import REPLIES_TO_ONE, AuthorTurns
from bot.chat.reply_task import ReplyRequest, ReplyTask
from bot.chat.worker import ConversationWorker
from bot.chat.worker_pool import WorkerPool
from bot.message import Place
from tests.fixtures.workers import Pipeline, pass_turns, pending


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


async def test_turns_keep_nothing_of_who_is_quiet() -> None:
    pipeline, turns = Pipeline(), AuthorTurns(1)
    workers = [ConversationWorker(pipeline, place(number), 0, turns=turns) for number in range(5)]
    for number, worker in enumerate(workers):
        worker.enqueue_message(pending(number))
    for worker in workers:
        await worker.idle()
    await pass_turns(3)
    assert (len(pipeline.replied), len(turns._taken), len(turns._waiting)) == (5, 0, 0)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.integers(0, 7)), max_size=30),
    st.integers(0, 6),
    st.integers(1, 2),
)
async def test_every_message_in_any_place_is_answered_once_and_in_the_order_of_its_author(
    script: list[tuple[int, str, int]], length: int, most: int
) -> None:
    pipelines, turns = [Pipeline(length) for _ in range(4)], AuthorTurns(most)
    workers = [ConversationWorker(p, place(n), 0, turns=turns) for n, p in enumerate(pipelines)]
    for number, (where, author, pause) in enumerate(script):
        workers[where].enqueue_message(pending(number, author))
        await pass_turns(pause)
    for worker in workers:
        await asyncio.wait_for(worker.idle(), 5)
    for where, pipeline in enumerate(pipelines):
        answered = [int(id) for burst in pipeline.replied for id in burst]
        said = [(author, number) for number, (at, author, _) in enumerate(script) if at == where]
        by_author = sorted(((script[number][1], number) for number in answered), key=lambda pair: pair[0])
        assert by_author == sorted(said, key=lambda pair: pair[0])
    await pass_turns(3)
    assert (len(turns._taken), len(turns._waiting)) == (0, 0)
