"""A scripted model for the installed command, set up by the environment, which can kill the process.

SCRIPT holds the answers, one a line; without it, ECHO=1 answers with the numbers (#7) that were just said and
"over". DELAY: seconds before each word of an answer; FAILURE: what loading says; LOST=n: the graphics card is
lost at the n-th word; CRASH=point:n kills the process at a named point, the n-th time that it gets there.
CONTEXT: tokens that the model reads and writes. LAG: the file in which `lag.py` notes how late the loop is.
REAL=1 leaves the real model.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import Any

from bot.config import ModelSettings
from bot.engine.interface import Request
from bot.errors import UserError
from bot.memory.store import Memory
from tests.fakes.model import CARD_LOST, ScriptedEngine, ScriptedGeneration
from tests.faults.lag import note_lag

# the method that has just returned when the process dies
POINTS: dict[str, tuple[type, str]] = {
    "accepted": (Memory, "accept"),
    "stored": (Memory, "finish"),
    "sent": (Memory, "sent"),
}


class EchoEngine(ScriptedEngine):
    """Replies with the numbers said since its last reply; kills the process at the `fatal`-th word."""

    fatal = lost_at = 0

    def generate(self, request: Request) -> ScriptedGeneration:
        prompt = self._tokenizer.spell(request.ids)
        said = prompt[prompt.rindex("<|im_start|>user") :]
        numbers = " ".join(dict.fromkeys(re.findall(r"#\d+", said)))
        self.script.append(f"I have heard {numbers} over")
        self.requests.clear()  # a long life shall not grow by them
        return super().generate(request)

    async def breathe(self) -> None:
        self.fatal -= 1
        if self.fatal == 0:
            die()
        await super().breathe()
        self.lost_at -= 1
        if self.lost_at == 0:
            self.restart.set()
        if self.restart.is_set():
            raise CARD_LOST


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash(engine: ScriptedEngine, point: str, count: int) -> None:
    """Let the process die the `count`-th time that it reaches a point."""
    if point == "generating":
        assert isinstance(engine, EchoEngine)
        engine.fatal = count
        return
    owner, name = POINTS[point]
    setattr(owner, name, fatal(getattr(owner, name), count))


def fatal(
    function: Callable[..., Coroutine[Any, Any, Any]], count: int
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the function, changed to kill the process after its `count`-th result other than False."""
    left = count

    async def wrapped(*given: Any, **named: Any) -> Any:
        nonlocal left
        result = await function(*given, **named)
        left -= result is not False
        if left == 0:
            die()
        return result

    return wrapped


lag_task: asyncio.Task[None] | None = None


def open_engine(settings: ModelSettings, data: Path) -> Any:
    """Open the engine that replaces `LocalEngine` in a process that tests start."""
    global lag_task
    if "LAG" in os.environ:
        lag_task = asyncio.get_running_loop().create_task(note_lag(Path(os.environ["LAG"])))
    return real_engine(settings, data) if os.environ.get("REAL") else scripted_engine()


def real_engine(settings: ModelSettings, data: Path) -> Any:
    """Open the engine whose module this one stands for."""
    name = "bot.engine.local.local_engine"
    del sys.modules[name]
    return import_module(name).LocalEngine(settings, data)


def scripted_engine() -> ScriptedEngine:
    script = os.environ.get("SCRIPT", "").split("\n") if os.environ.get("SCRIPT") else []
    kind = EchoEngine if os.environ.get("ECHO") else ScriptedEngine
    engine = kind(*script, delay=float(os.environ.get("DELAY", "0")))
    engine.failure = UserError(os.environ["FAILURE"]) if "FAILURE" in os.environ else None
    if isinstance(engine, EchoEngine):
        engine.lost_at = int(os.environ.get("LOST", "0"))
    engine.context = int(os.environ.get("CONTEXT", engine.context))
    if "CRASH" in os.environ:
        point, _, count = os.environ["CRASH"].partition(":")
        crash(engine, point, int(count))
    return engine
