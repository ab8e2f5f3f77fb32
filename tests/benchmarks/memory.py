"""How fast memory recalls, accepts, finishes and opens.

`python -m tests.benchmarks.memory [--messages 1000000]`
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from bot.memory.db.connection import connect
from bot.memory.store import Memory
from bot.message import Author, Message, Place

PLACES = 200
ROUNDS = 300
WORDS = "What is said in a chat is mostly short, now and then it goes on for a while and says little. "


def place(number: int) -> Place:
    return Place("discord", "bot", str(number % PLACES))


def said(number: int) -> Message:
    author = Author(f"user{number % 997}", f"User {number % 997}")
    text = WORDS[: 20 + number * 7919 % 160] + str(number)
    return Message(place(number), f"m{number}", author, text, 1.7e9 + number)


def fill(path: Path, messages: int) -> None:
    """Load messages without one transaction each, decided upon and spread evenly over the places."""
    with closing(connect(path, 5)) as connection:
        connection.execute("BEGIN")
        for number in range(PLACES):
            values = ("discord", "bot", str(number), "", messages)
            connection.execute(
                "INSERT INTO places (platform, account, chat, thread, tip) VALUES (?, ?, ?, ?, ?)", values
            )
        connection.executemany(
            "INSERT INTO messages (place, anchor, number, message_id, author_id, author_name, text, time,"
            " is_bot, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '')",
            (values_of(number) for number in range(messages)),
        )
        connection.execute(
            "INSERT INTO inbox (message, place, state, accepted, decided)"
            " SELECT id, place, 'ignored', time, number FROM messages"
        )
        connection.execute("COMMIT")


def values_of(number: int) -> tuple[object, ...]:
    message, order = said(number), number // PLACES + 1
    author = message.author
    return (number % PLACES + 1, order, order, message.id, author.id, author.name, message.text, message.time)


async def times(rounds: int, call: Callable[[int], Awaitable[object]]) -> tuple[float, float]:
    """Milliseconds: the median and the 99th percentile."""
    taken = []
    for number in range(rounds):
        start = time.perf_counter()
        await call(number)
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


async def measure(folder: Path, messages: int) -> None:
    path = folder / "memory.db"
    async with Memory(path):
        pass
    start = time.perf_counter()
    fill(path, messages)
    row("load", messages, time.perf_counter() - start, unit="s")
    start = time.perf_counter()
    async with Memory(path) as memory:
        row("open, with quick_check", messages, (time.perf_counter() - start) * 1000)
        await turns(memory, messages)
        start = time.perf_counter()
        await memory.status()
        row("status", messages, (time.perf_counter() - start) * 1000)
        start = time.perf_counter()
        await memory.backup()
        row("backup", messages, (time.perf_counter() - start) * 1000)
        row("highest memory before erasing", messages, highest(), unit="MiB")
        start = time.perf_counter()
        await memory.erase_place(place(7))
        row("erase a place, to the last byte", messages, (time.perf_counter() - start) * 1000)
    row("file", messages, path.stat().st_size / 2**20, unit="MiB")
    row("highest memory after erasing", messages, highest(), unit="MiB")


async def turns(memory: Memory, messages: int) -> None:
    def reply(number: int) -> Message:
        return Message(place(number), f"r{number}", Author("bot", "Ann", True), WORDS, 1.8e9, persona="ann")

    async def finish(number: int) -> None:
        where, asked = place(number), f"m{messages + number}"
        await memory.finish(
            where, [asked], [reply(number)], [WORDS], read=asked, window=None, why={"rule": "direct"}
        )

    async def recall(number: int) -> None:
        await memory.history(place(number * 31), limit=50)

    async def recall_all(number: int) -> None:
        await memory.history(place(number * 31))

    row("history, newest 50", messages, *await times(ROUNDS, recall))
    row("history, newest 2000", messages, *await times(ROUNDS, recall_all))
    row("accept", messages, *await times(ROUNDS, lambda number: memory.accept(said(messages + number))))
    row(
        "accept what is known",
        messages,
        *await times(ROUNDS, lambda number: memory.accept(said(number * 31))),
    )
    row("finish", messages, *await times(ROUNDS, finish))


def highest() -> float:
    """The most memory this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row(what: str, messages: int, *figures: float, unit: str = "ms") -> None:
    columns = "".join(f"{figure:12.2f}" for figure in figures)
    print(f"{what:34}{messages:10,}{columns} {unit}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="a folder on the disk to measure")
    arguments = parser.parse_args()
    print(f"{'what':34}{'messages':>10}{'p50':>12}{'p99':>12}")
    for messages in (10_000, arguments.messages):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            asyncio.run(measure(Path(folder), messages))


if __name__ == "__main__":
    main()
