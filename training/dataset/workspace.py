"""The workspace of a persona: its folder, its settings, its base model's tokenizer and its last build."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.config import Config
from bot.errors import UserError
from bot.persona.persona import Persona, load_persona
from training.dataset.base_tokenizer import BaseTokenizer, open_base_tokenizer, open_training_format
from training.dataset.serving_prompts import ServingPrompts

BUILD_RECORD = "data.json"


class BuildRecord(msgspec.Struct, frozen=True, kw_only=True):
    """work/data.json: what the data were made from and for, and how much they are.

    `bursts` counts answers by how many messages they have. Where most line breaks in the persona's answers
    part messages (`line_is_message`), a line of an answer is a message of its own. `authors` are pseudonyms.
    """

    window: int
    per_chat: int
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


@dataclass(frozen=True, slots=True)
class Workspace:
    """What every command about the data of a persona needs."""

    folder: Path
    persona: Persona
    settings: Config
    model: BaseTokenizer

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def serving(self, window: int) -> ServingPrompts:
        """Prompts as the bot makes them, where prompt and answer have a window together."""
        reader = open_training_format(self.persona, self.model, self.settings.model, window)
        return ServingPrompts(self.persona, reader, self.settings.chat.system_prompt)


def open_workspace(settings: Config, folder: Path) -> Workspace:
    """Load the persona and the base model's tokenizer."""
    return Workspace(
        folder, load_persona(folder), settings, open_base_tokenizer(settings.model, settings.data)
    )


def read_build_record(work: Path) -> BuildRecord:
    """What the last build wrote; raise `UserError` where there was none."""
    try:
        return msgspec.json.decode((work / BUILD_RECORD).read_bytes(), type=BuildRecord)
    except (OSError, ValueError):
        raise UserError(f"There are no data in {work}: `python -m training build` makes them.") from None
