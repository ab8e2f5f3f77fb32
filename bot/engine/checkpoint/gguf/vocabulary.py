"""The tokenizer that a GGUF file holds, as plain values; nothing is read before it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.header import damaged_gguf
from bot.engine.checkpoint.gguf.metadata import Metadata

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # types of tokens, of llama.cpp
_KEY = "tokenizer.ggml."
_NAMED = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding", "sep": "seperator", "mask": "mask"}
_ENDS = ("eos", "eot", "eom")


class GgufVocabulary:
    """The tokens of a GGUF file with their kinds, and what is special. Getters raise `UserError` for damage.

    `rows`: ids that the embedding has; `architecture` is the model's.
    """

    def __init__(self, path: Path, metadata: Metadata, architecture: str, rows: int) -> None:
        self.path, self.architecture, self.rows = path, architecture, rows
        self._metadata = metadata

    @property
    def model(self) -> str:
        """The kind of tokenizer: "gpt2" for byte-level BPE, "llama" for SentencePiece; "" for none."""
        with self._explained():
            return self._metadata.get_text(f"{_KEY}model") or ""

    @property
    def pre_tokenizer(self) -> str:
        """The name of the way in which texts are split before BPE; "" for none."""
        with self._explained():
            return self._metadata.get_text(f"{_KEY}pre") or ""

    @property
    def chat_template(self) -> str | None:
        """The chat template of the model."""
        with self._explained():
            return self._metadata.get_text("tokenizer.chat_template") or None

    @property
    def named_templates(self) -> dict[str, str]:
        """Further chat templates by their names, as "tool_use"."""
        with self._explained():
            names = self._metadata.get_texts("tokenizer.chat_templates") or []
            found = {name: self._metadata.get_text(f"tokenizer.chat_template.{name}") for name in names}
        return {name: template for name, template in found.items() if template}

    @property
    def tokens(self) -> list[str]:
        """The text of each id."""
        with self._explained():
            tokens = self._metadata.get_texts(f"{_KEY}tokens")
            if not tokens or len(tokens) > self.rows:
                raise BrokenGguf(f"it has {len(tokens or ()):,} tokens for {self.rows:,} embeddings")
            return tokens

    def types(self, count: int) -> NDArray[Any]:
        """Return the type of each of `count` tokens; normal ones where the file names none."""
        with self._explained():
            types = self._metadata.get_numbers(f"{_KEY}token_type")
            return _of_length(types, count, "types") if types is not None else np.full(count, NORMAL)

    def scores(self, count: int) -> NDArray[Any]:
        """Return the score of each of `count` tokens of SentencePiece."""
        with self._explained():
            scores = self._metadata.get_numbers(f"{_KEY}scores")
            if scores is None:
                raise BrokenGguf("it has no scores of its tokens")
            if np.isnan(_of_length(scores, count, "scores")).any():
                raise BrokenGguf("a score of its tokens is no number")
            return scores

    @property
    def merges(self) -> list[str]:
        """The merges of BPE in order, two tokens with a blank between."""
        with self._explained():
            merges = self._metadata.get_texts(f"{_KEY}merges")
            if merges is None:
                raise BrokenGguf("it has no merges of its tokens")
            return merges

    def flag(self, key: str, otherwise: bool) -> bool:
        """Return a switch of the tokenizer, as "add_bos_token"."""
        with self._explained():
            value = self._metadata.get_flag(_KEY + key)
        return otherwise if value is None else value

    def special_ids(self) -> dict[str, int]:
        """Return ids with a role by its name in transformers, as "bos_token"."""
        with self._explained():
            return {f"{name}_token": id for name, key in _NAMED.items() if (id := self._id(key)) is not None}

    def end_ids(self) -> frozenset[int]:
        """Return the ids that end a text or a turn."""
        with self._explained():
            return frozenset(id for key in _ENDS if (id := self._id(key)) is not None)

    def _id(self, key: str) -> int | None:
        """Return the id of a role; one outside of the embedding counts as none, as for llama.cpp."""
        id = self._metadata.get_whole(f"{_KEY}{key}_token_id")
        return id if id is not None and id < self.rows else None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenGguf as error:
            raise damaged_gguf(self.path, error) from None


def _of_length(values: NDArray[Any], count: int, noun: str) -> NDArray[Any]:
    if len(values) != count:
        raise BrokenGguf(f"it has {len(values):,} {noun} for {count:,} tokens")
    return values
