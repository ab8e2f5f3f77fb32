"""Kills `training make` again and again while it makes a persona, and gives the same line each time.

`python -m tests.faults.make_campaign [--kills 10] [--epochs N] [--samples N] [--settings FILE]
[--export PATH] [--seed N]` makes Ozzo from an empty folder, with the default model, in one go; then again,
killed at random moments of that time, in a folder of its own. It prints both times and what the killed one
left. Nothing may be lost or done twice: messages are those of the export, the steps of the run are counted
without a gap, the persona has the adapter that its manifest names, and the last line talks. Exit code 1 says
that it is not so.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
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
        process = subprocess.Popen(
            [sys.executable, "-m", "training", *self._arguments()],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        ended = self._read(process, began, seconds)
        self.outcome.seconds += time.monotonic() - began
        return ended

    def _arguments(self) -> list[str]:
        options = self._options
        card = ROOT / "personas/ozzo/card.json"
        return [
            *("make", str(options.export), "--persona", "ozzo", "--card", str(card), "--yes"),
            *("--samples", str(options.samples), "--say", SAY),
        ]

    def _read(self, process: "subprocess.Popen[bytes]", began: float, seconds: float | None) -> bool:
        """Read the output until the end or the kill, and keep its last lines."""
        assert process.stdout
        os.set_blocking(process.stdout.fileno(), False)
        output, spoke = b"", began
        while process.poll() is None:
            now = time.monotonic()
            if seconds is not None and now - began > seconds:
                process.kill()
            if chunk := process.stdout.read():
                self.outcome.longest_silence = max(self.outcome.longest_silence, now - spoke)
                output, spoke = output + chunk, now
            time.sleep(0.05)
        output += process.stdout.read() or b""
        if process.returncode == -9:
            return False
        self.outcome.answer = output.decode("utf-8", "replace")
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
        f"{outcome.longest_silence:.1f} s, {len(outcome.faults)} faults"
    )
    for fault in outcome.faults:
        print(f"  {fault}")
    print(*(f"  | {line}" for line in outcome.answer.splitlines()[-4:]), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
