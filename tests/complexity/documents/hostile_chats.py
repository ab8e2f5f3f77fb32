"""Chats that are hostile to any importer: each family grows with `n`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

MARKS = (
    *"`<>[](){}&@#/:;\\\"',\t\n\r \u2028.-~*_|=!?0a座é\u0301\u200e\x00",
    *("<@1> ", "<@U1>", "<:a:1>", "&amp;", "http://t.co/a ", "https://x.com/a/status/1 ", "//@a", "@a "),
    *(
        "### Human:",
        "\n12:00\ta\t",
        '\n12:00\ta\t"',
        "\n1/15/24, 10:00 - a: ",
        "\n2024/01/01(Mon)\n",
        "<a: b>",
    ),
    *(
        "\n2024-01-01 10:00:00 a(12345)\n",
        "消息对象:a\n",
        "=====\n",
        "[图片]",
        "a.jpg (file attached)",
        "\\u0000",
    ),
)


@dataclass(frozen=True)
class Said:
    """A message: who says what, and the number of the message that it answers."""

    author: int
    text: str
    reply_to: int | None = None


@dataclass(frozen=True)
class Chat:
    """A chat with the names of its people, by number. Messages are numbered from 1."""

    messages: tuple[Said, ...]
    name: str = "quay"
    names: tuple[str, ...] = ("Ana", "Bo")


Family = Callable[[int], Chat]


def of_marks(marks: Sequence[str], n: int) -> Chat:
    return Chat((Said(0, "hello"), *(Said(1, mark * n) for mark in marks)))


def of_many_messages(n: int) -> Chat:
    return Chat(tuple(Said(at % 2, "hello") for at in range(n)))


def of_a_chain(n: int) -> Chat:
    return Chat(tuple(Said(at % 2, "hello", at or None) for at in range(n)))


def of_replies_to_one(n: int) -> Chat:
    return Chat(tuple(Said(at % 2, "hello", 1 if at else None) for at in range(n)))


def of_replies_to_nobody(n: int) -> Chat:
    return Chat(tuple(Said(at % 2, "hello", 10**6 + at) for at in range(n)))


def of_long_names(n: int) -> Chat:
    return Chat(tuple(Said(at % 2, "hello") for at in range(n)), "q" * 3 * n, ("A" * 3 * n, "B" * 3 * n))


def of_many_people(n: int) -> Chat:
    everybody = "".join(f"<@{at}> <@U{at}> @P{at} " for at in range(n))
    said = (Said(0, everybody), *(Said(at, "hello") for at in range(n)))
    return Chat(said, names=tuple(f"P{at}" for at in range(n)))


def of_mentions_of_a_long_name(n: int) -> Chat:
    return Chat((Said(0, "<@1> <@U1> " * n),), names=("Ana", "B" * 10 * n))


def of_messages_of_one_time_and_text(n: int) -> Chat:
    return Chat(tuple(Said(0, "x" * 150) for _ in range(n)))


GROUPS = [MARKS[at : at + 5] for at in range(0, len(MARKS), 5)]
FAMILIES: dict[str, Family] = {
    **{
        f"messages of {MARKS[at : at + 5]}": partial(of_marks, MARKS[at : at + 5])
        for at in range(0, len(MARKS), 5)
    },
    "messages": of_many_messages,
    "replies in a chain": of_a_chain,
    "replies to one message": of_replies_to_one,
    "replies to messages that are not there": of_replies_to_nobody,
    "long names": of_long_names,
    "people and mentions": of_many_people,
    "mentions of a long name": of_mentions_of_a_long_name,
    "equal messages": of_messages_of_one_time_and_text,
}
