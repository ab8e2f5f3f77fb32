"""The numbered folders of a persona's runs, and the log of a run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from filelock import FileLock, Timeout

from bot.errors import UserError
from bot.files import append_private, write_private
from bot.json_fault import json_fault
from training.store.indented_json import encode_indented

Kind = TypeVar("Kind", bound=msgspec.Struct)

RUNS, LOG, RECIPE, PLAN, RESULT = "runs", "log.jsonl", "recipe.json", "plan.json", "run.json"
CURVE = "loss.svg"


def list_runs(work: Path) -> list[Path]:
    """Return the folders of all runs, the oldest first."""
    return sorted(path for path in (work / RUNS).glob("[0-9]*") if path.is_dir())


def next_run(work: Path) -> Path:
    """Return the folder of the next run, which does not exist yet."""
    numbers = [int(path.name) for path in list_runs(work) if path.name.isdecimal()]
    return work / RUNS / f"{max(numbers, default=0) + 1:04}"


@contextmanager
def run_lock(work: Path) -> Iterator[None]:
    """Hold the lock of a persona's runs; raises `UserError` while a run holds it."""
    try:
        with FileLock(work / "train.lock", timeout=0, mode=0o600):
            yield
    except Timeout:
        raise UserError(f"Another run is under way in {work}: wait until it is done.") from None


def make_run_folder(folder: Path) -> None:
    """Make the folder of a run; raises `UserError`."""
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}.") from None


def is_finished(folder: Path) -> bool:
    """Return whether a run came to its end."""
    return (folder / RESULT).exists()


def write_run_file(path: Path, value: object) -> None:
    """Write a file of indented JSON."""
    write_private(path, [encode_indented(value)])


def read_run_file(path: Path, kind: type[Kind]) -> Kind:
    """Read a file of `write_run_file`; raises `UserError` where it is missing or damaged."""
    content = b""
    try:
        content = path.read_bytes()
        return msgspec.json.decode(content, type=kind)
    except (OSError, ValueError) as error:
        reason = json_fault(content, error)
        raise UserError(f"{path} cannot be read ({reason}): train without --resume.") from None


class RunLog:
    """log.jsonl: a line for each step, each evaluation and each other event of a run."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG

    def add(self, event: str, step: int, **values: object) -> None:
        """Append a line; raises `UserError`."""
        line = msgspec.json.encode({"event": event, "step": step, **values}) + b"\n"
        try:
            with append_private(self.path) as file:
                file.write(line)
        except OSError as error:
            raise UserError(f"{self.path} cannot be written: {error.strerror}.") from None

    def lines(self) -> Iterator[Mapping[str, object]]:
        """Yield the lines that were written to their end."""
        if self.path.exists():
            for line in self.path.read_bytes().splitlines(keepends=True):
                if line.endswith(b"\n"):
                    yield msgspec.json.decode(line, type=dict[str, object])

    def rewind(self, step: int) -> None:
        """Drop the lines of later steps."""
        kept = [line for line in self.lines() if int(str(line["step"])) <= step]
        write_private(self.path, [msgspec.json.encode(line) + b"\n" for line in kept])
