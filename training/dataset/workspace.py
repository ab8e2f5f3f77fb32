"""The workspace of a persona: its folder, settings, base model's tokenizer and last build record."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.config import Config
from bot.errors import UserError
from bot.json_fault import json_fault
from bot.persona.persona import Persona, load_persona
from training.dataset.base_tokenizer import BaseTokenizer, open_base_tokenizer, open_training_format
from training.dataset.serving_prompts import ServingPrompts
from training.progress.display import SILENT, ProgressDisplay

BUILD_RECORD = "data.json"


class BuildRecord(msgspec.Struct, frozen=True, kw_only=True):
    """work/data.json: the origin, purpose and size of the data.

    `window` is in tokens; `per_chat`, `near_duplicates`, `repeats` and `test_size` are those of
    `selection.Limits`. `hashes` are SHA-256 by file name. `train` and `held` count targets by task, `trained`
    counts trained tokens by file, and `lengths` are quantiles of the training examples' lengths in tokens by
    file. `bursts` counts answers by their number of messages. `line_is_message` says that most line breaks
    in the persona's answers separate messages. `authors` are pseudonyms.
    """

    window: int
    per_chat: int
    near_duplicates: float | None = 0.8
    repeats: int = 1
    model: str
    hashes: dict[str, str]
    train: dict[str, int]
    held: dict[str, int]
    facts: int
    left_out: dict[str, int]
    lengths: dict[str, tuple[int, ...]]
    trained: dict[str, int]
    bursts: dict[int, int]
    line_is_message: bool
    authors: tuple[str, ...]
    test_size: float = 0.1  # records of earlier versions have none


@dataclass(frozen=True, slots=True)
class Workspace:
    """The persona, its folder, the settings and the base model's tokenizer, for every training command."""

    folder: Path
    persona: Persona
    settings: Config
    model: BaseTokenizer

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def serving(self, window: int) -> ServingPrompts:
        """Return the bot's prompts for a window of so many tokens, prompt and answer together."""
        prompt_format = open_training_format(self.persona, self.model, self.settings.model, window)
        return ServingPrompts(self.persona, prompt_format, self.settings.chat.system_prompt)


def open_workspace(settings: Config, folder: Path, display: ProgressDisplay = SILENT) -> Workspace:
    """Load the persona and the base model's tokenizer."""
    persona = load_persona(folder)
    with display.stage("reading the tokenizer of the base model") as stage:
        tokenizer = open_base_tokenizer(settings.model, settings.data, stage.describe)
    return Workspace(folder, persona, settings, tokenizer)


def read_build_record(work: Path) -> BuildRecord:
    """Read work/data.json. Raises `UserError` where the data were not built."""
    content = b""
    try:
        content = (work / BUILD_RECORD).read_bytes()
        return msgspec.json.decode(content, type=BuildRecord)
    except FileNotFoundError:
        raise UserError(f"There are no data in {work}: `python -m training build` makes them.") from None
    except (OSError, ValueError) as error:
        reason = json_fault(content, error)
        raise UserError(
            f"There are no data in {work}, since {BUILD_RECORD} cannot be read ({reason}): "
            "`python -m training build` makes them."
        ) from None
