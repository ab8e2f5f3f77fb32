"""A writer of turns, as fast as it can, to be killed: `python -m tests.faults.memory_writer PATH FROM`.

Prints a line for each message after it has been accepted, and for each answer after it has been stored.
"""

import asyncio
import sys
from pathlib import Path

from bot.memory.store import Memory
from tests.faults.memory_story import answer, said


async def write(path: Path, number: int) -> None:
    async with Memory(path) as memory:
        while True:
            message = said(number, f"say {number} " * (number % 50))
            if await memory.accept(message):
                print("accepted", message.id, flush=True)
            if await memory.begin(message.place, [message.id], "eva", "direct"):
                for part in await answer(memory, [message.id], f"r{number}"):
                    print("answered", message.id, flush=True)
                    await memory.sending(part.key)
                    await memory.sent(part.key, f"s{number}")
            number += 1


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
