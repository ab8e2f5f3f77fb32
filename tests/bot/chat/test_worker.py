"""A place's worker: order, bursts, superseded replies, and the end of a reply when its worker closes."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.reply_task import ReplyTask
from bot.memory.queries.records import Outgoing
from tests.fixtures.workers import Pipeline, part, pass_turns, pending, worker_of


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["mara", "ozzo"]), st.integers(0, 6)), max_size=25
    ),
    st.integers(0, 5),
)
async def test_every_message_is_answered_once_and_in_order(
    script: list[tuple[str, str, int]], turns: int
) -> None:
    pipeline = Pipeline(turns)
    worker = worker_of(pipeline)
    for number, (author, persona, pause) in enumerate(script):
        worker.enqueue_message(pending(number, author, persona))
        await pass_turns(pause)
    await worker.idle()
    assert [id for burst in pipeline.replied for id in burst] == [
        str(number) for number in range(len(script))
    ]


async def test_messages_to_two_personas_are_answered_apart() -> None:
    pipeline = Pipeline()
    worker = worker_of(pipeline)
    for number, persona in enumerate(["mara", "mara", "ozzo", "mara"]):
        worker.enqueue_message(pending(number, persona=persona))
    await worker.idle()
    assert pipeline.replied == [("0", "1"), ("2",), ("3",)]


async def test_a_failed_part_holds_up_no_later_part() -> None:
    class Failing(Pipeline):
        async def send(self, outgoing: Outgoing) -> None:
            await super().send(outgoing)
            if outgoing.text == "broken":
                raise ValueError(outgoing.text)

    pipeline = Failing()
    worker = worker_of(pipeline)
    worker.enqueue_outgoing(part("broken"))
    assert worker._loop is not None
    with pytest.raises(ValueError, match="broken"):
        await worker._loop
    await worker.wait_sent()
    worker.enqueue_outgoing(part("next"))
    worker.enqueue_message(pending(1))
    await worker.idle()
    assert (pipeline.sent, pipeline.replied) == (["broken", "next"], [("1",)])


async def test_a_message_of_the_same_author_supersedes_a_reply_that_nobody_sees() -> None:
    pipeline = Pipeline(turns=10)
    worker = worker_of(pipeline)
    worker.enqueue_message(pending(1))
    await pass_turns(5)
    worker.enqueue_message(pending(2))
    await worker.idle()
    assert (pipeline.cancelled, pipeline.replied) == ([("1",)], [("1", "2")])


async def test_a_suspect_is_answered_alone_and_is_not_superseded() -> None:
    pipeline = Pipeline(turns=3)
    worker = worker_of(pipeline)
    for number, is_suspect in enumerate([False, True, True, False]):
        worker.enqueue_message(pending(number, is_suspect=is_suspect))
    while not (pipeline.requests and pipeline.requests[-1].is_suspect):  # noqa: ASYNC110
        await asyncio.sleep(0)
    worker.enqueue_message(pending(4))
    await worker.idle()
    assert pipeline.replied == [("0",), ("1",), ("2",), ("3", "4")]
    assert pipeline.cancelled == []


async def test_closing_cancels_the_current_reply() -> None:
    pipeline = Pipeline(turns=10**6)
    worker = worker_of(pipeline)
    worker.enqueue_message(pending(0))
    await asyncio.sleep(0.01)
    await worker.close()
    assert (pipeline.replied, pipeline.cancelled, worker.busy) == ([], [("0",)], False)


async def test_an_idle_worker_has_nothing_to_stop() -> None:
    assert not worker_of(Pipeline()).stop()


async def test_parts_go_before_new_replies_and_in_order() -> None:
    pipeline = Pipeline()
    worker = worker_of(pipeline)
    worker.enqueue_outgoing(part("first"))
    worker.enqueue_message(pending(1))
    worker.enqueue_outgoing(part("second"))
    await worker.wait_sent()
    assert (pipeline.sent, pipeline.replied) == (["first", "second"], [])
    await worker.idle()
    assert pipeline.replied == [("1",)]


async def test_the_pipeline_starts_before_a_burst_is_over_and_ends_with_the_worker() -> None:
    pipeline = Pipeline()
    worker = worker_of(pipeline, debounce=60)
    worker.enqueue_message(pending(1))
    await pass_turns(3)
    assert (pipeline.started, pipeline.requests, worker.stop()) == (["mara"], [], False)
    before = asyncio.all_tasks()
    await worker.close()
    assert all(task.done() for task in before - {asyncio.current_task()})


async def test_a_pipeline_that_fails_during_a_burst_loses_no_message() -> None:
    class Failing(Pipeline):
        async def __call__(self, work: ReplyTask | Outgoing) -> None:
            if not self.started and isinstance(work, ReplyTask):
                self.started.append(work.persona)
                raise ValueError("no typing")
            await super().__call__(work)

    pipeline = Failing()
    worker = worker_of(pipeline, debounce=0.01)
    worker.enqueue_message(pending(1))
    assert worker._loop is not None
    with pytest.raises(ValueError, match="no typing"):
        await worker._loop
    worker.enqueue_message(pending(2))
    await worker.idle()
    assert pipeline.replied == [("1", "2")]


async def test_a_chat_that_moves_during_a_burst_leaves_no_reply_running() -> None:
    pipeline = Pipeline()
    worker = worker_of(pipeline, debounce=0.01)
    worker.enqueue_message(pending(1))
    await pass_turns(3)
    assert [taken.message.id for taken in worker.take_pending()] == ["1"]
    await worker.idle()
    assert (pipeline.started, pipeline.requests) == (["mara"], [])
    assert asyncio.all_tasks() == {asyncio.current_task()}


class EndlessReply(Pipeline):
    """Makes a reply that is visible at once and ends only when it is stopped."""

    async def reply(self, task: ReplyTask) -> None:
        task.mark_visible()
        while not task.is_stopped:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_a_closing_worker_lets_a_visible_reply_end_and_begins_no_other() -> None:
    pipeline = EndlessReply()
    worker = worker_of(pipeline)
    worker.enqueue_message(pending(1))
    worker.enqueue_message(pending(2, "bo", "ozzo"))
    await pass_turns(5)
    await worker.close(grace=5)
    assert (pipeline.replied, pipeline.cancelled) == ([("1",)], [])


async def test_a_closing_worker_does_not_wait_for_a_reply_that_nobody_sees() -> None:
    pipeline = Pipeline(turns=10**9)
    worker = worker_of(pipeline)
    worker.enqueue_message(pending(1))
    await pass_turns(5)
    await worker.close(grace=60)
    assert (pipeline.replied, pipeline.cancelled) == ([], [("1",)])


async def test_a_closed_worker_begins_nothing() -> None:
    worker = worker_of(Pipeline())
    await worker.close()
    worker.enqueue_message(pending(1))
    await asyncio.sleep(0)
    assert not worker.busy
