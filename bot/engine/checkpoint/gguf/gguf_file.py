"""A GGUF file that is served as it lies: config and tensors of transformers' model, mapped and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.engine.checkpoint.gguf.config import read_config
from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.families import FAMILIES, MISTRAL, Family, served_families
from bot.engine.checkpoint.gguf.header import GgufHeader, damaged_gguf, read_gguf_header
from bot.engine.checkpoint.gguf.metadata import Metadata
from bot.engine.checkpoint.gguf.parts import GgufParts, open_parts, refuse_further_part
from bot.engine.checkpoint.gguf.rope import RopeSource
from bot.engine.checkpoint.gguf.sizes import read_sizes
from bot.engine.checkpoint.gguf.tensor_names import name_parameters
from bot.engine.checkpoint.gguf.tensors import GgufTensor, open_tensor, plain_numbers, view_tensor
from bot.engine.checkpoint.gguf.vocabulary import GgufVocabulary
from bot.errors import UserError
from bot.untrusted import RefusedFile


@dataclass(frozen=True, slots=True, eq=False)
class GgufFile:
    """A model in a GGUF file, or in the parts of one.

    `config` is transformers' config.json; `tensors` are views of the mapped file by the names of the model's
    parameters, without lm_head where it shares the embedding. `vocabulary` is read when asked for.
    """

    path: Path
    architecture: str
    config: Mapping[str, Any]
    tensors: Mapping[str, GgufTensor]
    vocabulary: GgufVocabulary
    metadata: Metadata

    @property
    def bytes(self) -> int:
        """The bytes of all weights."""
        return sum(tensor.bytes for tensor in self.tensors.values())

    @property
    def tokenizer_model(self) -> str:
        """The kind of the tokenizer inside, as "gpt2" or "llama"."""
        return self.vocabulary.model

    @property
    def chat_template(self) -> str | None:
        """The chat template inside."""
        return self.vocabulary.chat_template


def is_served_gguf(path: Path) -> bool:
    """Return whether a GGUF file is of a served architecture; raises `UserError` for a damaged one."""
    try:
        return read_gguf_header(path).metadata.get_text("general.architecture") in FAMILIES
    except BrokenGguf as error:
        raise damaged_gguf(path, error) from None


def open_vocabulary(path: Path) -> GgufVocabulary:
    """Map a GGUF file for its vocabulary alone, whatever the types of its tensors; raises as `open_gguf`."""
    try:
        header = read_gguf_header(path)
        architecture, _ = _family(header)
        sizes = read_sizes(header.metadata, architecture, open_parts(path, header).entries)
        return GgufVocabulary(path, header.metadata, architecture, sizes.vocabulary)
    except BrokenGguf as error:
        raise damaged_gguf(path, error) from None
    except RefusedFile as refusal:
        raise UserError(f"{path} cannot be loaded: {refusal.reason}; {refusal.remedy}.") from None


def open_gguf(path: Path) -> GgufFile:
    """Map a GGUF file and check all but the numbers in it; the vocabulary is only walked over.

    Raises `UserError` for a damaged file, and for a model, tensors or types that are not served.
    """
    try:
        return _open(path, read_gguf_header(path))
    except (BrokenGguf, ArithmeticError) as error:
        raise damaged_gguf(path, error) from None
    except RefusedFile as refusal:
        raise UserError(f"{path} cannot be loaded: {refusal.reason}; {refusal.remedy}.") from None


def _open(path: Path, first: GgufHeader) -> GgufFile:
    refuse_further_part(first)
    architecture, family = _family(first)
    parts = open_parts(path, first)
    sizes = read_sizes(first.metadata, architecture, parts.entries)
    rope = RopeSource(first.metadata, architecture, sizes, lambda name: _factors(parts, name))
    config = read_config(family, rope, sizes, parts.entries)
    named = name_parameters(family, sizes, config, parts.entries)
    tensors = {
        name: open_tensor(*parts.find(parameter.tensor), parameter, family)
        for name, parameter in named.items()
    }
    vocabulary = GgufVocabulary(path, first.metadata, architecture, sizes.vocabulary)
    return GgufFile(path, architecture, config, tensors, vocabulary, first.metadata)


def _family(header: GgufHeader) -> tuple[str, Family]:
    """Return the architecture and its family; raises `RefusedFile` for what is not served."""
    metadata = header.metadata
    architecture = metadata.get_text("general.architecture")
    if architecture is None:
        raise BrokenGguf("it does not say its architecture")
    kind = metadata.get_text("general.type")
    if kind not in (None, "model"):
        raise RefusedFile(f"it holds no model but: {kind[:40]}", "set [model] name to the file of the model")
    if architecture not in FAMILIES:
        raise RefusedFile(
            f"models of the architecture {architecture[:40]} are not served",
            f"choose another [model] name, of {', '.join(served_families())}",
        )
    if metadata.get_whole(f"{architecture}.expert_count"):
        raise RefusedFile("it is a mixture of experts, which is not served", "choose another [model] name")
    return architecture, MISTRAL if _is_mistral(metadata, architecture) else FAMILIES[architecture]


def _is_mistral(metadata: Metadata, architecture: str) -> bool:
    """Return whether a file calls a Mistral a llama, as llama.cpp's converter does."""
    if architecture != "llama":
        return False
    names = (metadata.get_text(f"general.{key}") or "" for key in ("name", "basename"))
    return "llama.attention.sliding_window" in metadata or any("mistral" in name.lower() for name in names)


def _factors(parts: GgufParts, name: str) -> NDArray[np.float32] | None:
    if name not in parts.entries:
        return None
    content, entry = parts.find(name)
    if not entry.type.is_plain:
        raise BrokenGguf(f"its {name} is stored as {entry.type.name}")
    return plain_numbers(view_tensor(content, entry), entry.type.name)
