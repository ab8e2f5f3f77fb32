"""The messages that one reply answers, and what may stand behind them in its prompt."""

import pytest

from bot.chat.bursts import burst_request, choose_burst
from bot.chat.reply_task import LONGEST_SHARED, PendingMessage, ReplyRequest
from bot.chat.triggers import ReplyDecision
from bot.message import Author, Message
from tests.fixtures.workers import PLACE


def said(id: str, length: int = 1, persona: str = "mara", *, is_suspect: bool = False) -> PendingMessage:
    """Return a message whose id begins with its author's letter."""
    message = Message(PLACE, id, Author(id[0], id[0]), "x" * length, 0.0)
    return PendingMessage(message, ReplyDecision(True, "direct chat", persona), is_suspect)


def ids(burst: list[PendingMessage]) -> str:
    return " ".join(pending.message.id for pending in burst)


LONG = LONGEST_SHARED
BURSTS = {
    "one after the other": ([said("a1"), said("a2"), said("b1")], "a", "a1 a2 b1"),
    "from the one who has a turn on": ([said("m1"), said("a1"), said("m2"), said("b1")], "a", "a1 b1"),
    "past a long one of who has no turn": ([said("a1"), said("m1", LONG), said("a2")], "a", "a1 a2"),
    "up to another persona": ([said("a1"), said("a2", 1, "ozzo"), said("a3")], "a", "a1"),
    "a suspect alone": ([said("a1", is_suspect=True), said("a2")], "a", "a1"),
    "up to a suspect": ([said("a1"), said("a2", is_suspect=True)], "a", "a1"),
    "long ones of one person": ([said("a1", LONG), said("a2", LONG), said("b1")], "a", "a1 a2"),
    "long ones of others later": ([said("a1"), said("b1", LONG), said("a2")], "a", "a1"),
    "of nobody who is gone": ([said("b1")], "a", ""),
}


@pytest.mark.parametrize("name", BURSTS)
def test_a_burst_holds_what_one_reply_can_answer(name: str) -> None:
    pending, author, expected = BURSTS[name]
    assert ids(choose_burst(pending, author, lambda person: person != "m")) == expected


def test_a_prompt_holds_what_was_said_behind_its_messages_while_that_is_short() -> None:
    request = burst_request([said("a1")], [])
    history = [said(id, length).message for id, length in (("b0", LONG), ("a1", 1), ("b1", 5), ("m1", LONG))]
    assert [message.id for message in request.readable(tuple(history))] == ["b0", "a1", "b1"]


def test_a_prompt_of_a_suspect_ends_with_it() -> None:
    request = burst_request([said("a1", is_suspect=True)], [])
    history = tuple(said(id, 0).message for id in ("a1", "b1"))
    assert request.readable(history) == history[:1]


def test_a_reply_that_a_command_asks_for_reads_everything() -> None:
    history = tuple(said(id, LONG).message for id in ("a1", "b1"))
    assert ReplyRequest("mara", "asked to go on", user="a").readable(history) == history
