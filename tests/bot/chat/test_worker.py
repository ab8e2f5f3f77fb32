"""A place's worker: order, bursts, and what happens to an answer when its room is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.triggers import ReplyDecision
from bot.chat.worker import ConversationWorker, PendingMessage, ReplyTask
from bot.memory.queries.records import Outgoing
from bot.message import Author, Message, Place

PLACE = Place("test", "bot", "room")


def message(id: int, author: str = "ana") -> Message:
    return Message(PLACE, str(id), Author(author, author), "x", 0.0)


def yes(persona: str = "mara") -> ReplyDecision:
    return ReplyDecision(True, "direct chat", persona)


class Answers:
    """Notes which messages were answered together; takes as many turns of the loop as it is told."""

    def __init__(self, turns: int = 0) -> None:
        self.turns, self.done, self.withdrawn = turns, list[list[str]](), list[list[str]]()
        self.delivered, self.typing_now = list[str](), list[str]()

    async def answer(self, place: Place, attempt: ReplyTask) -> None:
        for _ in range(self.turns):
            await asyncio.sleep(0)
        attempt.visible = True
        await asyncio.sleep(0)
        self.done.append([message.id for message in attempt.messages])

    async def withdraw(self, place: Place, attempt: ReplyTask) -> None:
        self.withdrawn.append([message.id for message in attempt.messages])

    async def deliver(self, outgoing: Outgoing) -> None:
        self.delivered.append(outgoing.text)

    @asynccontextmanager
    async def typing(self, place: Place, persona: str) -> AsyncIterator[None]:
        self.typing_now.append(persona)
        try:
            yield
        finally:
            self.typing_now.remove(persona)


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
    answers = Answers(turns)
    room = ConversationWorker(answers, PLACE, debounce=0)
    for number, (author, persona, pause) in enumerate(script):
        room.offer(PendingMessage(message(number, author), yes(persona)))
        for _ in range(pause):
            await asyncio.sleep(0)
    await room.idle()
    assert [id for batch in answers.done for id in batch] == [str(number) for number in range(len(script))]


async def test_messages_to_two_personas_are_answered_apart() -> None:
    answers = Answers()
    room = ConversationWorker(answers, PLACE, debounce=0)
    for number, persona in enumerate(["mara", "mara", "ozzo", "mara"]):
        room.offer(PendingMessage(message(number), yes(persona)))
    await room.idle()
    assert answers.done == [["0", "1"], ["2"], ["3"]]


async def test_a_part_that_fails_holds_up_nothing_that_comes_after_it() -> None:
    class Failing(Answers):
        async def deliver(self, outgoing: Outgoing) -> None:
            await super().deliver(outgoing)
            if outgoing.text == "broken":
                raise ValueError(outgoing.text)

    answers = Failing()
    room = ConversationWorker(answers, PLACE, debounce=0)
    room.enqueue_outgoing(owed("broken"))
    assert room._worker is not None
    with pytest.raises(ValueError, match="broken"):
        await room._worker
    await room.wait_sent()
    room.enqueue_outgoing(owed("next"))
    room.offer(PendingMessage(message(1), yes()))
    await room.idle()
    assert (answers.delivered, answers.done) == (["broken", "next"], [["1"]])


async def test_a_suspect_is_answered_alone_and_is_not_superseded() -> None:
    answers = Answers(turns=3)
    room = ConversationWorker(answers, PLACE, debounce=0)
    for number, is_suspect in enumerate([False, True, True, False]):
        room.offer(PendingMessage(message(number), yes(), is_suspect))
    while not (room.attempt and room.attempt.is_suspect):  # noqa: ASYNC110
        await asyncio.sleep(0)
    room.offer(PendingMessage(message(4), yes()))
    await room.idle()
    assert answers.done == [["0"], ["1"], ["2"], ["3", "4"]]
    assert answers.withdrawn == []


async def test_closing_withdraws_the_answer_in_the_making() -> None:
    answers = Answers(turns=10**6)
    room = ConversationWorker(answers, PLACE, debounce=0)
    room.offer(PendingMessage(message(0), yes()))
    await asyncio.sleep(0.01)
    await room.close()
    assert (answers.done, answers.withdrawn, room.busy) == ([], [["0"]], False)


async def test_stopping_an_idle_room_does_nothing() -> None:
    answers = Answers()
    assert not ConversationWorker(answers, PLACE, debounce=0).stop()


def owed(text: str) -> Outgoing:
    return Outgoing(text, PLACE, 0, text, "queued", 0, None, "mara")


async def test_what_is_owed_goes_before_new_answers_and_in_order() -> None:
    answers = Answers()
    room = ConversationWorker(answers, PLACE, debounce=0)
    room.enqueue_outgoing(owed("first"))
    room.offer(PendingMessage(message(1), yes()))
    room.enqueue_outgoing(owed("second"))
    await room.wait_sent()
    assert (answers.delivered, answers.done) == (["first", "second"], [])
    await room.idle()
    assert answers.done == [["1"]]


async def test_typing_begins_before_a_burst_is_over() -> None:
    answers = Answers()
    room = ConversationWorker(answers, PLACE, debounce=60)
    room.offer(PendingMessage(message(1), yes()))
    for _ in range(3):
        await asyncio.sleep(0)
    assert (answers.typing_now, answers.done) == (["mara"], [])
    await room.close()
    assert answers.typing_now == []


class Slow(Answers):
    """Shows something at once, and ends only when it is stopped."""

    async def answer(self, place: Place, attempt: ReplyTask) -> None:
        attempt.visible = True
        while not attempt.stopped:  # noqa: ASYNC110
            await asyncio.sleep(0)
        await super().answer(place, attempt)


async def test_a_room_that_closes_lets_a_visible_answer_end_and_takes_no_other() -> None:
    answers = Slow()
    room = ConversationWorker(answers, PLACE, debounce=0)
    room.offer(PendingMessage(message(1), yes()))
    room.offer(PendingMessage(message(2, "bo"), yes("ozzo")))
    for _ in range(5):
        await asyncio.sleep(0)
    await room.close(grace=5)
    assert (answers.done, answers.withdrawn) == ([["1"]], [])


async def test_a_room_that_closes_does_not_wait_for_an_answer_nobody_sees() -> None:
    answers = Answers(turns=10**9)
    room = ConversationWorker(answers, PLACE, debounce=0)
    room.offer(PendingMessage(message(1), yes()))
    for _ in range(5):
        await asyncio.sleep(0)
    await room.close(grace=60)
    assert (answers.done, answers.withdrawn) == ([], [["1"]])


async def test_a_closed_room_takes_nothing_up() -> None:
    answers = Answers()
    room = ConversationWorker(answers, PLACE, debounce=0)
    await room.close()
    room.offer(PendingMessage(message(1), yes()))
    await asyncio.sleep(0)
    assert not room.busy
