"""What reads a history, or tokens of many speakers, does work in proportion to it.

`HISTORIES` is the part of the table of readers (test_functions.py) that wants messages instead of a text.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.chat.reply_task import ReplyRequest
from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Piece, Request
from bot.message import Author, Message
from bot.persona.history_limits import HistoryLimits
from bot.persona.lorebook import LoreEntry
from bot.persona.persona import Sampling
from bot.prompt.builder import build_prompt
from bot.prompt.chat_template import open_chat_template
from bot.prompt.lore import said_entries
from bot.prompt.renderer import PromptFormat
from bot.prompt.rounds import newest_rounds, read_rounds
from bot.prompt.speaker_labels import shows_names, speaker_labels
from bot.prompt.turns import history_turns, missing_parents
from tests.complexity.growth import MOST, count_work, growth
from tests.conftest import MARA, PLACE
from tests.fakes.model import CHATML, ByteTokenizer
from training.dataset.sessions import number_sessions
from training.store.messages import ExportedMessage

SIZE = 40
History = Sequence[Message]
TOKENIZER = ByteTokenizer()
GROUPED = replace(MARA, speaker_names="groups")


def said(number: int, author: int, name: str, reply_to: int | None = None) -> Message:
    reply = None if reply_to is None else str(reply_to)
    return Message(PLACE, str(number), Author(str(author), name), "hello sea", float(number), reply_to=reply)


FAMILIES: dict[str, Callable[[int], History]] = {
    "replies to one message": lambda n: [said(at, at % 3, "Ana", 0) for at in range(n)],
    "replies to one message by two in turn": lambda n: [said(at, at // 2 % 2, "Ana", 0) for at in range(n)],
    "replies in a chain": lambda n: [said(at, at % 2, "Ana", at - 1) for at in range(n)],
    "replies in a chain of one person": lambda n: [said(at, 0, "Ana", at - 1) for at in range(n)],
    "replies to the message before the last": lambda n: [said(at, at % 2, "Ana", at - 2) for at in range(n)],
    "replies to the other half": lambda n: [said(at, at % 2, "Ana", max(0, at - n // 2)) for at in range(n)],
    "replies to messages that are not there": lambda n: [said(at, 0, "Ana", at + n) for at in range(n)],
    "people of one name": lambda n: [said(at, at, "Ana") for at in range(n)],
    "people of numbered names": lambda n: [
        said(at, at, "Ana" if at % 2 else f"Ana ({at // 2})") for at in range(n)
    ],
    "people of long names": lambda n: [said(at, at, "Ana" * 20) for at in range(n)],
    "equal ids": lambda n: [said(0, at % 2, "Ana", 0) for at in range(n)],
}


OF_ONE_ROUND = replace(MARA, history=HistoryLimits(rounds=0))
LORE = [
    LoreEntry(f"sea {number}", ("hell", "sea", f"sea {number}"), scan_depth=100, recursive=True)
    for number in range(20)
]


def exported(message: Message) -> ExportedMessage:
    return ExportedMessage(
        platform="test",
        chat="room",
        id=message.id,
        author=message.author.id,
        author_name=message.author.name,
        time=message.time * 2,
        source="a",
        reply_to=message.reply_to,
    )


def prompt(history: History, budget: int) -> object:
    reader = PromptFormat(TOKENIZER, open_chat_template(CHATML, TOKENIZER.special, "Mara"), budget)
    return build_prompt(MARA, history, reader, reply_to=history[0].id)


def turns(history: History) -> object:
    names = speaker_labels(history, MARA)
    return history_turns(history, names, MARA, {}, history[0].id)


HISTORIES: dict[str, Callable[[History], object]] = {
    "bot.prompt.builder.build_prompt": lambda history: prompt(history, 10**6),
    "bot.prompt.lore.said_entries": lambda history: said_entries(LORE, history),
    "bot.prompt.turns.history_turns": turns,
    "bot.prompt.rounds.newest_rounds": lambda history: newest_rounds(history, 3, "mara"),
    "bot.prompt.rounds.read_rounds": lambda history: read_rounds(OF_ONE_ROUND, history, {}, None),
    "bot.prompt.turns.missing_parents": missing_parents,
    "bot.prompt.speaker_labels.shows_names": lambda history: shows_names(history, GROUPED),
    "bot.prompt.speaker_labels.speaker_labels": lambda history: speaker_labels(history, MARA),
    "bot.chat.reply_task.ReplyRequest.readable": lambda history: ReplyRequest(
        "mara", "mentioned", tuple(history[::2]), reads_on=False
    ).readable(tuple(history)),
    "training.dataset.sessions.number_sessions": lambda history: [
        *number_sessions(map(exported, history), 1.0)
    ],
    "bot.engine.core.output_stream.OutputStream.push": lambda history: read_stream(len(history)),
}


def read_stream(n: int) -> list[str]:
    """Push n pieces of two candidates before the reader comes, and read them."""

    async def read() -> list[str]:
        stream = OutputStream(Request((1,), Sampling(), n=2), asyncio.get_running_loop())
        for number in range(n):
            stream.push(Piece("hello", number % 2))
        return [stream._next_piece().text for _ in range(2)]  # type: ignore[union-attr]

    return asyncio.run(read())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("label", HISTORIES)
def test_a_reader_of_a_history_takes_linear_time(label: str, family: str) -> None:
    histories = [FAMILIES[family](SIZE * times) for times in (1, 2, 4)]
    works = [count_work(lambda history=history: HISTORIES[label](history)) for history in histories]
    assert max(growth(*pair) for pair in pairwise(works)) <= MOST, works


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("part", [4, 16])
def test_a_history_that_does_not_fit_is_cut_in_linear_time(part: int, family: str) -> None:
    """Each round of the cutting reads what is left again: a few times the history, not once a message."""
    histories = [FAMILIES[family](SIZE * times) for times in (1, 4)]
    budgets = [200 + 40 * len(history) // part for history in histories]
    whole = [count_work(lambda history=history: prompt(history, 10**6)) for history in histories]
    cut = [
        count_work(lambda history=history, budget=budget: prompt(history, budget))
        for history, budget in zip(histories, budgets, strict=True)
    ]
    assert all(one.lines < 6 * other.lines for one, other in zip(cut, whole, strict=True)), (cut, whole)
