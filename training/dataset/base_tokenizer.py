"""The base model's side of the data: its tokenizer without its weights, and readers that remember."""

import os
from array import array
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import ModelSettings
from bot.persona.persona import Persona
from bot.prompt import builder
from bot.prompt.builder import PromptFormat, Tokenizer

if TYPE_CHECKING:
    from bot.engine.tokenizer.tokenizer import HFTokenizer

# Of the room for history, when a window moves on: less than in serving, since what stays is read once more in
# each window. 50,000 tokens an epoch for 74,000 on Ozzo's export.
KEPT_SHARE = 0.25
_REMEMBERED = 200_000  # texts; those of a chat's window are asked for again and again


class CachedTokenizer:
    """A tokenizer that keeps the ids of the texts that it saw last."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.template, self.special = tokenizer.template, tokenizer.special
        self.control, self.end = tokenizer.control, tokenizer.end
        self.decode = tokenizer.decode
        self._encode = lru_cache(_REMEMBERED)(lambda text: array("I", tokenizer.encode(text)))
        self._encode_template = lru_cache(_REMEMBERED)(
            lambda text: array("I", tokenizer.encode_template(text))
        )

    def encode(self, text: str) -> list[int]:
        return self._encode(text).tolist()

    def encode_template(self, text: str) -> list[int]:
        return self._encode_template(text).tolist()


@dataclass(frozen=True, slots=True)
class BaseTokenizer:
    """What of a base model matters to the data; `definition` makes its tokenizer again in another process."""

    name: str
    tokenizer: Tokenizer
    context: int
    definition: str = ""


def open_base_tokenizer(settings: ModelSettings, data: Path) -> BaseTokenizer:
    """The tokenizer of the base model that the settings name; raise `UserError` where it cannot be had.

    A GGUF file's takes half a minute to read, so a copy is kept in the data folder.
    """
    from bot.engine.checkpoint import source
    from bot.engine.tokenizer.files import read_tokenizer

    found = source.locate(settings)
    if found.kind == "hub":
        found = source.download(found)
    assert found.path is not None
    if found.kind == "gguf":
        folder = data / "tokenizers" / source.fingerprint(found)[:32]
        if not folder.exists():
            _copy_tokenizer(found.path, folder)
        return _model(found.name, read_tokenizer(folder), settings.context)
    return _model(found.name, read_tokenizer(found.path), source.context_of(found.path, settings.context))


def _model(name: str, tokenizer: "HFTokenizer", context: int) -> BaseTokenizer:
    return BaseTokenizer(name, CachedTokenizer(tokenizer), context, tokenizer.definition)


def _copy_tokenizer(file: Path, folder: Path) -> None:
    from bot.engine.tokenizer.files import read_packed_tokenizer, write_tokenizer

    tokenizer = read_packed_tokenizer(file)
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    write_tokenizer(draft, tokenizer)
    with suppress(OSError):  # another process was faster
        draft.rename(folder)


def open_training_format(
    persona: Persona, model: BaseTokenizer, settings: ModelSettings, window: int
) -> PromptFormat:
    """How the persona's prompts are read, as serving does it, when prompt and answer have `window` ids."""
    reader = builder.open_prompt_format(
        persona, model.tokenizer, settings, window - answer_room(persona, window)
    )
    return replace(reader, kept=KEPT_SHARE)


def answer_room(persona: Persona, window: int) -> int:
    """How many ids of a window are the answer's: as many as the persona may write, a quarter at most."""
    return min(persona.sampling.max_tokens, window // 4)
