"""The installed command as a process of its own, against fake platforms."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tests.faults.command import COMMAND, environment, house

CONFIG = """
[chat]
persona = "mara"
debounce = {debounce}
{chat}
[paths]
personas = "{personas}"
[log]
level = "{level}"
"""


class Program:
    """The command, started and ended any number of times with the same memory and the same log."""

    def __init__(
        self,
        where: Mapping[str, str],
        folder: Path,
        *,
        delay: float = 0.03,
        debounce: float = 0.05,
        chat: str = "",
        level: str = "info",
    ) -> None:
        """`where`: the platforms' addresses and tokens, as environment variables; `delay`: seconds before
        each word of the scripted model; `chat`: more lines of that part of config.toml; `level`: of the log.
        """
        self._where, self._delay = where, delay
        self.folder, self.memory = folder, folder / "data" / "memory.db"
        self.process: asyncio.subprocess.Process | None = None
        config = CONFIG.format(personas=house() / "personas", debounce=debounce, chat=chat, level=level)
        (folder / "config.toml").write_text(config)

    async def start(self, **told: str) -> None:
        told = {**self._where, "ECHO": "1", "DELAY": str(self._delay), **told}
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(COMMAND, "--config", str(self.folder / "config.toml")),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment(self.folder / "data", **told),
            )

    def kill(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()

    async def end(self) -> int:
        """Send SIGTERM and return the exit code."""
        assert self.process
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 15)
