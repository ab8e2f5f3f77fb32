"""Memory across kill -9, and in any order of calls: a turn is stored whole or not at all."""

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as some

from bot.memory.store import Memory
from bot.message import Author, Place
from tests.faults.memory_story import answer, half_turns, ids, said
from tests.paths import ROOT

KILLS = 40


async def start(path: Path, first: int) -> asyncio.subprocess.Process:
    """A host that writes until it is killed."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.memory_writer",
        str(path),
        str(first),
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


async def killed_after(path: Path, first: int, seconds: float) -> list[str]:
    """What a host had acknowledged when it was killed; a line cut short was not."""
    process = await start(path, first)
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode()]  # by now it has opened the database
    await asyncio.sleep(seconds)
    process.kill()
    rest, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    lines += rest.decode().splitlines(keepends=True)
    return [line.strip() for line in lines if line.endswith("\n")]


async def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path):
    seed = random.randrange(2**32)
    print("seed", seed)  # noqa: T201
    dice = random.Random(seed)
    path = tmp_path / "memory.db"
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        acknowledged |= set(await killed_after(path, kill * 100_000, dice.random() * 0.05))
        if kill % 10 == 0:
            assert half_turns(path) == []
    assert half_turns(path) == []
    async with Memory(path) as memory:
        assert memory.notices == ()
        stored = {message for message in await ids(memory, limit=10**9, characters=10**12)}
        pending = {message.id for message in await memory.pending("telegram", "bot")}
    lost = {line for line in acknowledged if line.split()[1] not in stored}
    unanswered = {line for line in acknowledged if line.startswith("answered") and line.split()[1] in pending}
    assert len(acknowledged) > KILLS
    assert (lost, unanswered) == (set(), set())


async def test_a_host_killed_while_it_opens_leaves_a_folder_that_opens(tmp_path: Path):
    dice = random.Random(3)
    for kill in range(25):
        path = tmp_path / str(kill) / "memory.db"
        if kill % 2:
            async with Memory(path) as memory:
                await memory.accept(said(1))
                await memory.backup()
            path.write_bytes(b"damaged" * 1000)
        process = await start(path, 2)
        await asyncio.sleep(0.1 + dice.random() * 0.15)
        process.kill()
        await process.communicate()
        async with Memory(path) as memory:
            assert kill % 2 == 0 or (await ids(memory))[0] == "m1"
        assert half_turns(path) == []


CALLS = some.sampled_from(
    [
        "accept",
        "ignore",
        "begin",
        "finish",
        "again",
        "give up",
        "reset",
        "sent",
        "erase place",
        "erase author",
    ]
)
STEPS = some.lists(
    some.tuples(CALLS, some.lists(some.integers(0, 4), min_size=1, max_size=3), some.integers(0, 1)),
    max_size=25,
)


async def step(memory: Memory, count: int, call: str, numbers: list[int], chat: int) -> None:
    place = Place("telegram", "bot", str(chat))
    asked = [f"m{number}" for number in numbers]
    last = await memory.last_answer(place)
    match call:
        case "accept":
            author = Author(str(numbers[0] % 2), "somebody")
            await memory.accept(said(numbers[0], place=place, author=author))
        case "ignore":
            await memory.ignore(place, asked[0], "rule")
        case "begin":
            await memory.begin(place, asked, "eva", "rule")
        case "finish":
            await answer(memory, asked, f"r{count}", place=place)
        case "again" if last is not None:
            await answer(memory, [], f"r{count}", place=place, read=last.read, replaces=last.message.id)
        case "give up":
            await memory.give_up(place, asked, "reason", "notice")
        case "reset":
            await memory.reset(place)
        case "sent":
            for part in (await memory.unsent("telegram", "bot"))[:1]:
                await memory.sent(part.key, f"s{count}")
        case "erase place":
            await memory.erase_place(place)
        case "erase author":
            await memory.erase_author(str(numbers[0] % 2))


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_in_any_order_of_calls_answered_means_stored_and_queued(steps: list[tuple[str, list[int], int]]):
    async def play(path: Path) -> None:
        async with Memory(path) as memory:
            for count, (call, numbers, chat) in enumerate(steps):
                await step(memory, count, call, numbers, chat)
                assert half_turns(path) == []

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder) / "memory.db"))
