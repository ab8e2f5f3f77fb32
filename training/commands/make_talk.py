"""The talk at the end of `make`, with the bot in a process of its own."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

from bot.errors import UserError
from training.commands.make_persona import tell

GREETING = "Hello! How are you?"  # said where no terminal is there to talk with


def talk(settings: Path, persona: str, say: str | None) -> None:
    """Open the chat with a persona, or say one thing and print the reply; raises `UserError`.

    Ctrl-C belongs to the chat alone.
    """
    command = [sys.executable, "-m", "bot", "--config", str(settings), "chat", "--persona", persona]
    if say is not None or not sys.stdin.isatty():
        command += ["--say", say or GREETING]
        tell(f"talk       {say or GREETING}")
    with subprocess.Popen(command) as process:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            code = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
    if code != 0:
        raise UserError(
            f"The persona is made, and the chat ended with exit code {code}: "
            f"`python -m bot chat --persona {shlex.quote(persona)}` opens it again."
        )
