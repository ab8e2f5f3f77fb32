"""Both platforms on a pretended Windows: messages are answered, and a console ends the process in order."""

import asyncio
import os
import signal
from pathlib import Path

from tests.fakes.windows.kernel32 import CLOSED
from tests.faults.program import Program
from tests.faults.towns import DiscordTown, TelegramTown, Town
from tests.fixtures.pretended_windows import CLOSE_CONSOLE, CTRL_BREAK, SCRIPTED, SITE
from tests.paths import ROOT

PATH = os.pathsep.join(map(str, (SITE, SCRIPTED, ROOT)))


async def until(found: object) -> None:
    async with asyncio.timeout(30):
        while not found():  # type: ignore[operator]  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def answers(town: Town) -> list[str]:
    return [seen.text.rpartition("\n")[2] for seen in town.seen(0)]


def program(folder: Path, *towns: Town) -> Program:
    where = {name: value for town in towns for name, value in town.environment.items()}
    return Program({**where, "PYTHONPATH": PATH}, folder)


async def ended(started: Program, name: str) -> int:
    assert started.process
    started.process.send_signal(getattr(signal, name))
    return await asyncio.wait_for(started.process.wait(), 30)


async def test_both_platforms_are_served_until_ctrl_break(
    discord: DiscordTown, telegram: TelegramTown, tmp_path: Path
) -> None:
    started = program(tmp_path, discord, telegram)
    await started.start()
    await until(lambda: discord.meetings() and telegram.meetings())
    discord.say(1, 0)
    telegram.say(2, 0)
    await until(lambda: answers(discord) and answers(telegram))
    code, log = await ended(started, CTRL_BREAK), (tmp_path / "log").read_text()
    assert (code, "stopping" in log, "Traceback" in log) == (0, True, False), log
    assert (answers(discord), answers(telegram)) == (["I have heard #1 over"], ["I have heard #2 over"])


async def test_a_console_that_closes_during_an_answer_loses_no_message(
    telegram: TelegramTown, tmp_path: Path
) -> None:
    started = program(tmp_path, telegram)
    await started.start(DELAY="3600")
    telegram.say(1, 0)
    await until(lambda: telegram.signs(0))
    assert await ended(started, CLOSE_CONSOLE) != CLOSED
    await started.start()
    await until(lambda: answers(telegram) == ["I have heard #1 over"])
    assert await ended(started, "SIGINT") == 0
