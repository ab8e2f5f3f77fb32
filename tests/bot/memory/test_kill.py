"""`kill -9` at any moment: the database stays readable, no turn is half there, nothing accepted is lost."""

import asyncio
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from bot.memory.store import Memory
from bot.message import Place
from tests.faults.command import COMMAND, environment, house
from tests.faults.memory_story import half_turns

KILLS = 40  # `tests.faults.campaign` has hundreds


def killed_run(data: Path, number: int, after: float) -> None:
    """Say three things to the program and kill it so many seconds after its start."""
    says = [word for turn in range(3) for word in ("--say", f"say {number}-{turn}")]
    process = subprocess.Popen(
        [COMMAND, "chat", "--persona", "mara", *says],
        cwd=house(),
        env=environment(data, DELAY="0.02"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()


def whole_run(data: Path, text: str) -> bytes:
    """Say something to the program, and return what it printed once it has ended by itself."""
    command = [COMMAND, "chat", "--persona", "mara", "--say", text]
    where = {"cwd": house(), "env": environment(data)}
    return subprocess.run(command, capture_output=True, check=True, **where).stdout


def test_kills_leave_a_sound_database_and_every_accepted_message_answered(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    dice = random.Random(seed)
    path = tmp_path / "memory.db"
    whole_run(tmp_path, "the beginning")
    began = time.monotonic()
    whole_run(tmp_path, "a warm one")
    life = time.monotonic() - began
    for number in range(1, KILLS):
        killed_run(tmp_path, number, dice.uniform(0.3, 1.3) * life)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        assert half_turns(path) == []
    assert whole_run(tmp_path, "the end")
    asyncio.run(all_is_answered(path))
    assert half_turns(path) == []


async def all_is_answered(path: Path) -> None:
    async with Memory(path) as memory:
        inbox = (await memory.status()).inbox
        assert inbox.get("accepted", 0) == 0
        assert inbox["answered"] > 3  # some of what was said between the two first runs and the last one
        assert await memory.pending("terminal", "local") == ()
        history = await memory.history(Place("terminal", "local", "mara"))
        assert len({message.id for message in history}) == len(history)
