"""One command of training at a time, in a process of its own, whose output is kept in a private file."""

import asyncio
import codecs
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import bot
from bot.api.errors import ApiError
from bot.files import create_private
from bot.platforms.web.owner.training_steps import StepCommand
from bot.secrets import SECRETS
from bot.system import replacing

OUTPUT = "output.log"
INTERVAL = 0.2  # seconds between two looks at the process
_SHOWN = 64 << 10  # bytes of output at once
Ended = Callable[[StepCommand, int], Awaitable[None]]


@dataclass(slots=True)
class Job:
    """A command that was begun; `code` is None while it runs, and `asked` counts the wishes to stop it."""

    command: StepCommand
    begun: float
    process: subprocess.Popen[bytes]
    code: int | None = None
    asked: int = 0

    def described(self) -> dict[str, object]:
        """Return the job as the page shows it."""
        return {
            "step": self.command.step,
            "persona": self.command.persona,
            "command": self.command.shown,
            "begun": self.begun,
            "code": self.code,
            "stopping": self.asked > 0 and self.code is None,
        }


class TrainingJobs:
    """Runs commands in `home`, which keeps the output of the newest one; `cwd` is where they begin.

    `ended` is told of each command's end.
    """

    def __init__(self, home: Path, cwd: Path, ended: Ended) -> None:
        self._home, self._cwd, self._ended = home, cwd, ended
        self.job: Job | None = None
        self._watch: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    @property
    def is_running(self) -> bool:
        return self.job is not None and self.job.code is None

    async def begin(self, command: StepCommand) -> Job:
        """Begin a command. Raises `ApiError` while another one runs."""
        async with self._turn:
            return await self._begin(command)

    async def _begin(self, command: StepCommand) -> Job:
        self.check_idle()
        self.job = Job(command, time.time(), await asyncio.to_thread(self._start, command))
        self._watch = asyncio.create_task(self._wait(self.job))
        return self.job

    def check_idle(self) -> None:
        """Raise `ApiError` while a command runs."""
        if self.is_running:
            raise ApiError(409, "Another step is running: wait until it is done, or stop it.", code="busy")

    def stop(self) -> bool:
        """Ask the command to stop as Ctrl-C does; a second wish ends it. False where none runs."""
        if self.job is None or not self.is_running:
            return False
        _signal(self.job.process, is_last=self.job.asked > 0)
        self.job.asked += 1
        return True

    def close(self) -> None:
        """Ask a command that runs to stop: a training run can be taken up again."""
        self.stop()
        if self._watch:
            self._watch.cancel()

    def output(self, since: int) -> tuple[str, int]:
        """Return the output from a byte on, and the byte to go on from; characters are whole."""
        path = self._home / OUTPUT
        if not path.is_file():
            return "", 0
        with path.open("rb") as file:
            file.seek(since)
            content = file.read(_SHOWN)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(content)
        return text, since + len(content) - len(decoder.getstate()[0])

    def _start(self, command: StepCommand) -> subprocess.Popen[bytes]:
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        replacing.delete(self._home / OUTPUT)
        with create_private(self._home / OUTPUT) as output:
            return subprocess.Popen(
                command.arguments,
                cwd=self._cwd,
                env=job_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    async def _wait(self, job: Job) -> None:
        while (code := job.process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(INTERVAL)
        try:
            await self._ended(job.command, code)
        finally:
            job.code = code


def job_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a command: the same code runs, writes each line at once, and has no secret."""
    root = str(Path(bot.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH", ""))))
    kept = {name: value for name, value in environment.items() if name.upper() not in SECRETS}
    return {**kept, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


def _signal(process: subprocess.Popen[bytes], *, is_last: bool) -> None:
    """Interrupt a command with all that it began; the last signal ends them."""
    if sys.platform == "win32":
        process.kill() if is_last else process.send_signal(signal.CTRL_BREAK_EVENT)
        return
    try:
        os.killpg(process.pid, signal.SIGKILL if is_last else signal.SIGINT)
    except ProcessLookupError:
        return  # it ended just now
