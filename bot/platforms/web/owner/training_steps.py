"""The steps from an export to an adapter: each is a command of `python -m training`, and is shown as that."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field

from bot.errors import UserError
from bot.platforms.web.fields import PageFields

Step = Literal["import", "build", "preview", "plan", "train", "resume", "evaluate", "make"]
_LIBRARIES = ("msgspec", "peft", "phonenumbers", "scipy", "sklearn", "stdnum")
ADVICE = "Training needs its libraries: run `pip install 'alterego[train]'`."
_EXAMPLES = "5"  # shown of those that will be learned
_NEEDS_EXPORT = ("import", "make")


class StepFields(PageFields):
    """A step for a persona, with the options of an import and of an evaluation."""

    step: Step
    persona: str = Field(max_length=100)
    me: list[str] = Field(default=[], max_length=10)
    dates: Literal["", "day", "month"] = ""
    texts: Literal["", "facts", "posts"] = ""
    samples: int = Field(default=60, ge=10, le=1_000)


@dataclass(frozen=True, slots=True)
class StepCommand:
    """A command line: the words behind `python -m training`, and all of it as people type it."""

    step: Step
    persona: str
    words: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        return (sys.executable, "-m", "training", *self.words)

    @property
    def shown(self) -> str:
        return shlex.join(("python", "-m", "training", *self.words))


def is_installed(find: Callable[[str], object] = find_spec) -> bool:
    """Return whether the libraries of training are there."""
    return all(find(name) is not None for name in _LIBRARIES)


def step_command(fields: StepFields, config: Path, export: Path | None) -> StepCommand:
    """Return the command of a step. Raises `UserError` for one that lacks its export."""
    if fields.step in _NEEDS_EXPORT and export is None:
        raise UserError("There is no export yet: drop one on the page first.")
    words = ("--config", str(config), *_words(fields, str(export)))
    return StepCommand(fields.step, fields.persona, words)


def _words(fields: StepFields, export: str) -> tuple[str, ...]:
    whose = ("--persona", fields.persona)
    samples = ("--samples", str(fields.samples))
    match fields.step:
        case "import":
            return ("import", export, *whose, *_import_words(fields))
        case "make":
            return ("make", export, *whose, *_import_words(fields), *samples, "--yes", "--no-talk")
        case "preview":
            return ("preview", *whose, "--count", _EXAMPLES)
        case "plan":
            return ("train", *whose, "--plan")
        case "resume":
            return ("train", *whose, "--resume")
        case "evaluate":
            return ("evaluate", *whose, *samples)
    return (fields.step, *whose)


def _import_words(fields: StepFields) -> tuple[str, ...]:
    """Return the options of an import; names are joined to theirs, so that none is read as an option."""
    words = [f"--me={name}" for name in fields.me if name.strip()]
    words += ["--dates", fields.dates] if fields.dates else []
    return (*words, *(("--as", fields.texts) if fields.texts else ()))
