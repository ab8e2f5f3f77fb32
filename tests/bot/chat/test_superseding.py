"""Who writes on and on: replies give way to newer messages within a bound, and never while another waits."""

import asyncio

from bot.chat.reply_task import ReplyTask
from bot.chat.superseding import LONGEST_SUPERSEDING, MAX_SUPERSEDED
from bot.chat.worker import ConversationWorker
from bot.memory.queries.records import Outgoing
from tests.fixtures.workers import Clock, Pipeline, pass_turns, pending, worker_of


async def write_on(worker: ConversationWorker, clock: Clock, count: int, step: float = 0) -> None:
    """Write so many messages of one author, each while a reply to the last is under way."""
    for number in range(count):
        worker.enqueue_message(pending(number))
        await pass_turns(5)
        clock.now += step


async def test_who_writes_on_and_on_is_answered_after_a_few_superseded_replies() -> None:
    pipeline = Pipeline(turns=50)
    worker = worker_of(pipeline, clock=(clock := Clock()))
    await write_on(worker, clock, 100)
    assert len(pipeline.cancelled) <= MAX_SUPERSEDED * (len(pipeline.replied) + 1)
    assert len(pipeline.replied) >= 4
    await worker.idle()
    assert pipeline.replied[0] == ("0", "1", "2", "3")
    assert [id for burst in pipeline.replied for id in burst] == [str(number) for number in range(100)]


async def test_a_reply_is_not_superseded_once_its_first_message_is_old() -> None:
    pipeline = Pipeline(turns=50)
    worker = worker_of(pipeline, clock=(clock := Clock()))
    await write_on(worker, clock, 5, step=LONGEST_SUPERSEDING / 2)
    await worker.idle()
    assert pipeline.cancelled == [("0",)]
    assert pipeline.replied[0] == ("0", "1")


async def test_superseding_counts_anew_after_each_reply() -> None:
    pipeline = Pipeline(turns=20)
    worker = worker_of(pipeline, clock=(clock := Clock()))
    for _ in range(2):
        await write_on(worker, clock, MAX_SUPERSEDED + 1, step=1)
        await worker.idle()
    assert len(pipeline.cancelled) == 2 * MAX_SUPERSEDED
    assert len(pipeline.replied) == 2


async def test_a_reply_is_not_superseded_while_somebody_else_waits() -> None:
    pipeline = Pipeline(turns=20)
    worker = worker_of(pipeline)
    for number, author in enumerate(["ana", "bo", "ana", "ana"]):
        worker.enqueue_message(pending(number, author))
        await pass_turns(3)
    await worker.idle()
    assert (pipeline.cancelled, pipeline.replied) == ([], [("0",), ("1", "2", "3")])


async def test_a_reply_to_two_people_is_not_superseded_by_one_of_them() -> None:
    pipeline = Pipeline(turns=20)
    worker = worker_of(pipeline)
    worker.enqueue_message(pending(0, "bo"))
    worker.enqueue_message(pending(1, "ana"))
    await pass_turns(5)
    worker.enqueue_message(pending(2, "ana"))
    await worker.idle()
    assert (pipeline.cancelled, pipeline.replied) == ([], [("0", "1"), ("2",)])


async def test_two_messages_at_once_cancel_a_reply_once() -> None:
    class Withdrawing(Pipeline):
        async def __call__(self, work: ReplyTask | Outgoing) -> None:
            try:
                await super().__call__(work)
            except asyncio.CancelledError:
                await pass_turns(3)  # memory withdraws the attempt
                self.withdrawn.append(self.cancelled[-1])
                raise

        withdrawn: list[tuple[str, ...]] = []  # noqa: RUF012

    pipeline = Withdrawing(turns=20)
    worker = worker_of(pipeline)
    worker.enqueue_message(pending(0))
    await pass_turns(5)
    worker.enqueue_message(pending(1))
    await pass_turns(1)
    worker.enqueue_message(pending(2))
    await worker.idle()
    assert (pipeline.withdrawn, pipeline.replied) == ([("0",)], [("0", "1", "2")])
