"""The base model's tokenizer without its weights, and the prompt format for training."""

import os
from array import array
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bot.config import ModelSettings
from bot.persona.persona import Persona
from bot.prompt import builder
from bot.prompt.builder import PromptFormat, Tokenizer
from bot.prompt.splicing import Section, SectionEncoder, SectionToken
from bot.sized_cache import SizedCache, cached_by_size

if TYPE_CHECKING:
    from bot.engine.tokenizer.tokenizer import HFTokenizer

# The share of the history's budget that stays when a window moves on: less than in serving, since each window
# reads these tokens once more. 50,000 tokens an epoch instead of 74,000 on Ozzo's export.
_FORMAT = "v2"  # of kept tokenizers; another one reads them anew
KEPT_SHARE = 0.25
# Prompts encode the messages of a chat's window again and again.
_CACHED, _LONGEST_CACHED = 200_000, 2_000  # texts, and characters of one
Key = TypeVar("Key", bound=Hashable)
_LONG_TEXTS = 16_000_000  # characters of longer texts


class CachedTokenizer:
    """A tokenizer with a cache of the token ids of recent texts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.template, self.special = tokenizer.template, tokenizer.special
        self.control, self.end, self.begin = tokenizer.control, tokenizer.end, tokenizer.begin
        self.decode, self.spell = tokenizer.decode, tokenizer.spell
        self._encode = _cached(tokenizer.encode, len)
        self._encode_template = _cached(tokenizer.encode_template, len)
        if isinstance(tokenizer, SectionEncoder):
            self.split_control = tokenizer.split_control
            self.encode_section = _cached_sections(tokenizer)

    def encode(self, text: str) -> list[int]:
        return self._encode(text).tolist()

    def encode_template(self, text: str) -> list[int]:
        return self._encode_template(text).tolist()


def _cached_sections(tokenizer: SectionEncoder) -> Callable[[Section], list[SectionToken]]:
    cached = _cached(lambda section: _flat(tokenizer.encode_section(section)), _section_size)

    def encode_section(section: Section) -> list[SectionToken]:
        flat = cached(section).tolist()
        return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))

    return encode_section


def _flat(tokens: Sequence[SectionToken]) -> list[int]:
    return [number for token in tokens for number in token]


def _section_size(section: Section) -> int:
    return len(section.text)


def _cached(
    encode: Callable[[Key], list[int]], size_of: Callable[[Key], int]
) -> Callable[[Key], "array[int]"]:
    """Return a function that keeps the ids of many short texts, and of as many long ones as have room."""
    by_count = lru_cache(_CACHED)(lambda text: array("I", encode(text)))
    kept = SizedCache["array[int]"](_LONG_TEXTS)
    by_size = cached_by_size(kept, lambda ids, text: len(ids) + size_of(text))(
        lambda text: array("I", encode(text))
    )
    return lambda text: by_count(text) if size_of(text) <= _LONGEST_CACHED else by_size(text)


@dataclass(frozen=True, slots=True)
class BaseTokenizer:
    """The tokenizer and context length (tokens) of a base model.

    `definition` is the text of its tokenizer.json, from which another process makes the tokenizer again.
    """

    name: str
    tokenizer: Tokenizer
    context: int
    definition: str = ""


def open_base_tokenizer(
    settings: ModelSettings, data: Path, report: Callable[[str], None] = lambda text: None
) -> BaseTokenizer:
    """Return the tokenizer of the base model that the settings name. Raises `UserError` where it is missing.

    `report` gets MB, rate and time left of a model that is fetched from the hub. Reading a tokenizer from a
    GGUF file takes seconds, so a copy is kept in the data folder.
    """
    from bot.engine.checkpoint import hub_download, source
    from bot.engine.tokenizer.files import read_tokenizer

    found = source.locate_model(settings)
    if found.kind == "hub":
        found = hub_download.download_model(found, report)
    assert found.path is not None
    if found.kind == "gguf":
        folder = data / "tokenizers" / f"{source.model_fingerprint(found)[:32]}-{_FORMAT}"
        if not folder.exists():
            _copy_tokenizer(found.path, folder)
        return _with_context(found.name, read_tokenizer(folder), settings.context)
    return _with_context(
        found.name, read_tokenizer(found.path), source.context_length(found.path, settings.context)
    )


def _with_context(name: str, tokenizer: "HFTokenizer", context: int) -> BaseTokenizer:
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
    """Return the persona's prompt format as in serving; prompt and answer share `window` tokens."""
    budget = window - answer_room(persona, window)
    prompt_format = builder.open_prompt_format(persona, model.tokenizer, settings, budget)
    return replace(prompt_format, kept=KEPT_SHARE)


def answer_room(persona: Persona, window: int) -> int:
    """Return the tokens of a window for the answer: as many as the persona may write, at most a quarter."""
    return min(persona.sampling.max_tokens, window // 4)
