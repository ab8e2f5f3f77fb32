"""A persona with invented chats and a tiny random base model: all that training needs, in one folder."""

import io
import json
import random
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from bot import config
from tests.data import said
from tests.fakes import tiny
from training.__main__ import main
from training.dataset.workspace import Desk, open_desk
from training.store.messages import Said, to_lines

WORDS = "tea harbour lamp gull storm boat letter salt island rope kettle winter".split()
SMALL = 'precision = "fp32"\nepochs = 2\nbatch = 4\n'


def talk(count: int, seed: int = 1, chat: str = "room") -> list[Said]:
    """Ana and Mara in turns, in conversations of eight messages."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        name = "Mara" if number % 2 else "Ana"
        text = " ".join(dice.sample(WORDS, 3)) + (" ~" if name == "Mara" else "?")
        time = 1.7e9 + 30.0 * number + 90_000.0 * (number // 8)
        made.append(said(number, name, f"{text} {dice.randrange(10_000)}", time=time, chat=chat))
    return made


class School:
    """A folder with settings, a persona, its messages, and a base model of two layers."""

    def __init__(self, root: Path, training: str = SMALL, messages: int = 48) -> None:
        self.root, self.folder = root, root / "personas/mara"
        self.work = self.folder / "work"
        self.work.mkdir(parents=True)
        self.set(training)
        (self.folder / "card.json").write_text(json.dumps({"name": "Mara", "description": "Keeps a light."}))
        model = tiny.save_model(root / "model")
        lines = [
            f'name = "{model}"',
            'precision = "fp32"',
            'template = "chatml"',
            "context = 512",
            "threads = 1",
        ]
        (root / "config.toml").write_text("\n".join(["[model]", *lines, ""]))
        self.tell(talk(messages))

    def copy(self, root: Path) -> "School":
        """The same persona in another folder, on the same base model."""
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        other = School.__new__(School)
        other.root, other.folder, other.work = root, root / "personas/mara", root / "personas/mara/work"
        return other

    def set(self, training: str) -> None:
        """Write the table [training]."""
        (self.folder / "persona.toml").write_text(f"[training]\n{training}")

    def tell(self, messages: list[Said]) -> None:
        """Put messages in the place of those that are there."""
        (self.work / "messages.jsonl").write_bytes(to_lines(messages))

    def arguments(self, *more: str) -> list[str]:
        """The command line of a command."""
        return ["--config", str(self.root / "config.toml"), *more, "--persona", "mara"]

    def run(self, *more: str) -> tuple[int, str, str]:
        """Run a command: its exit code and what it said."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(self.arguments(*more))
        return code, out.getvalue(), err.getvalue()

    def built(self) -> "School":
        """Build the data."""
        code, _, error = self.run("build", "--window", "256")
        assert code == 0, error
        return self

    def desk(self) -> Desk:
        return open_desk(config.load(self.root / "config.toml", {}), self.folder)

    def runs(self) -> list[Path]:
        """The folders of all runs."""
        return sorted((self.work / "runs").glob("0*"))

    def log(self, run: int = -1) -> list[dict[str, Any]]:
        """The log of a run, without what depends on the machine."""
        path = self.runs()[run] / "log.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [{k: v for k, v in json.loads(line).items() if k != "speed"} for line in lines]
