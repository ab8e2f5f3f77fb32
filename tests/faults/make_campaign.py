"""Kills `training make` again and again while it makes a persona, and gives the same line each time.

`python -m tests.faults.make_campaign [--kills 10] [--epochs N] [--samples N] [--settings FILE]
[--export PATH] [--seed N]` makes Ozzo from an empty folder, with the default model, in one go; then again,
killed at random moments of that time, in a folder of its own. It writes to a terminal of its own, and prints
both times, how long the terminal stood still and what the killed one left. Nothing may be lost or done
twice: messages are those of the export, the steps of the run are counted without a gap, the persona has the
adapter that its manifest names, and the last line talks. Exit code 1 says that it is not so.
"""

import argparse
import io
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bot.files import hash_file
from tests.paths import ROOT

EXPORT = ROOT / "personas/ozzo/export"
LEAST = 1.0  # seconds that a process lives at least
SAY = "Carrots."


@dataclass
class Outcome:
    """What one persona took and left; `faults` are sentences."""

    seconds: float = 0.0
    starts: int = 0
    longest_silence: float = 0.0
    before: str = ""  # what the terminal showed before it
    faults: list[str] = field(default_factory=list)
    answer: str = ""


class Maker:
    """The command line in one folder."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.persona, self._options = folder, folder / "personas/ozzo", options
        folder.mkdir(parents=True)
        if options.settings:
            shutil.copy(options.settings, folder / "config.toml")
        self.outcome = Outcome()

    def run(self, seconds: float | None) -> bool:
        """Give the line once, and kill it after so many seconds; return whether it came to its end."""
        began = time.monotonic()
        self.outcome.starts += 1
        screen, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "training", *self._arguments()],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        with closing(open(screen, "rb", buffering=0)) as output:
            ended = self._read(process, output, began, seconds)
        self.outcome.seconds += time.monotonic() - began
        return ended

    def _arguments(self) -> list[str]:
        options = self._options
        card = ROOT / "personas/ozzo/card.json"
        return [
            *("make", str(options.export), "--persona", "ozzo", "--card", str(card), "--yes"),
            *("--samples", str(options.samples), "--say", SAY),
        ]

    def _read(
        self, process: "subprocess.Popen[bytes]", screen: io.FileIO, began: float, seconds: float | None
    ) -> bool:
        """Read the terminal until the end or the kill, and keep its text."""
        shown, spoke = b"", began
        while chunk := _read_chunk(screen, process, None if seconds is None else began + seconds):
            now = time.monotonic()
            if now - spoke > self.outcome.longest_silence:
                self.outcome.longest_silence, self.outcome.before = now - spoke, _plain(shown)[-200:]
            shown, spoke = shown + chunk, now
        if process.wait() == -signal.SIGKILL:
            return False
        self.outcome.answer = _plain(shown)
        if process.returncode not in (0, 1):  # 1: the adapter is over a limit, which is told
            self.outcome.faults.append(f"exit code {process.returncode}: {self.outcome.answer[-600:]}")
        return True

    def shorten(self) -> None:
        """Make persona.toml so that training is short, where that was asked for."""
        if self._options.epochs:
            self.persona.mkdir(parents=True, exist_ok=True)
            (self.persona / "persona.toml").write_text(f"[training]\nepochs = {self._options.epochs}\n")

    def look(self, messages: int | None) -> int:
        """Note the faults of what is left; return the number of messages."""
        work = self.persona / "work"
        counted = len((work / "messages.jsonl").read_bytes().splitlines())
        manifest = json.loads((self.persona / "adapter/manifest.json").read_text())
        weights = hash_file(self.persona / "adapter/adapter_model.safetensors")
        report = json.loads((work / "report.json").read_text())
        log = (sorted((work / "runs").iterdir())[-1] / "log.jsonl").read_text().splitlines()
        steps = [line["step"] for line in map(json.loads, log) if line["event"] == "learned"]
        left = [str(path) for path in self.folder.rglob("*.new")]
        for is_right, fault in (
            (messages in (None, counted), f"{counted} messages, and {messages} without a kill"),
            (manifest["adapter_sha256"] == weights, "the adapter is not that of its manifest"),
            (report["adapter_sha256"] == weights, "the report is of another adapter"),
            (steps == list(range(1, len(steps) + 1)), f"steps with a gap, or twice: {steps}"),
            (not left, f"drafts are left: {left}"),
            (
                "Next: python -m bot chat --persona ozzo" in self.outcome.answer,
                "it did not end with the talk",
            ),
        ):
            if not is_right:
                self.outcome.faults.append(fault)
        return counted


def _read_chunk(screen: io.FileIO, process: "subprocess.Popen[bytes]", end: float | None) -> bytes:
    """Return what the terminal shows next, nothing after the end of the process; kill it at `end`."""
    while True:
        if end is not None and time.monotonic() > end:
            process.kill()
        if select.select([screen], [], [], 0.05)[0]:
            try:
                return screen.read(65_536) or b""
            except OSError:  # Linux: nobody has the terminal open any more
                return b""


def _plain(shown: bytes) -> str:
    """Return a terminal's text without its control sequences."""
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=0, help="of training; 0 leaves the recipe's")
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--settings", type=Path, help="a config.toml, for another base model")
    parser.add_argument("--export", type=Path, default=EXPORT)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = (Maker(Path(folder, name), options) for name in ("whole", "killed"))
        whole.shorten()
        whole.run(None)
        messages = whole.look(None)
        _print("in one go", whole.outcome)
        killed.shorten()
        for _ in range(options.kills):
            if killed.run(rng.uniform(LEAST, max(2 * LEAST, whole.outcome.seconds / 2))):
                break
        killed.run(None)
        killed.look(messages)
        _print("killed", killed.outcome)
    return 1 if whole.outcome.faults or killed.outcome.faults else 0


def _print(name: str, outcome: Outcome) -> None:
    print(
        f"{name}: {outcome.seconds / 60:.1f} min in {outcome.starts} starts, longest silence "
        f"{outcome.longest_silence:.1f} s after {outcome.before[-100:]!r}, {len(outcome.faults)} faults"
    )
    for fault in outcome.faults:
        print(f"  {fault}")
    print(*(f"  | {line}" for line in outcome.answer.splitlines()[-4:]), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
