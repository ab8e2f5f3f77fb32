"""A tokenizer is written as GGUF only where llama.cpp splits texts in the same way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from transformers import AutoTokenizer
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from bot.errors import UserError
from tests.fakes import families
from training.adapters.gguf.tokenizer import add_tokenizer


def split(pattern: str) -> Callable[[dict[str, Any]], None]:
    def change(definition: dict[str, Any]) -> None:
        steps = [{"type": "Split", "pattern": {"Regex": pattern}}, {"type": "ByteLevel", "use_regex": False}]
        definition["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}

    return change


def digits(definition: dict[str, Any]) -> None:
    steps = [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel"}]
    definition["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}


def metaspace(definition: dict[str, Any]) -> None:
    definition["pre_tokenizer"] = {"type": "Metaspace"}


def fallback(definition: dict[str, Any]) -> None:
    definition["model"]["byte_fallback"] = True


class Definition:
    """A tokenizer's definition, changed."""

    def __init__(self, tokenizer: Any, change: Callable[[dict[str, Any]], None]) -> None:
        self.bos_token_id, self.eos_token_id, self.pad_token_id = 1, 2, None
        self._tokenizer, self._definition = tokenizer, json.loads(tokenizer.backend_tokenizer.to_str())
        change(self._definition)

    @property
    def backend_tokenizer(self) -> "Definition":
        return self

    def to_str(self) -> str:
        return json.dumps(self._definition)

    def __call__(self, text: str) -> Any:
        return self._tokenizer(text)


@pytest.mark.parametrize(
    ("change", "pre"),
    [
        (lambda definition: None, "gpt-2"),
        (digits, "smollm"),
        (split(PRETOKENIZE_REGEX), "qwen2"),
        (split(PRETOKENIZE_REGEX.replace(r"\p{N}|", r"\p{N}{1,3}|")), "llama-bpe"),
        (split(".+"), None),
        (metaspace, None),
        (fallback, None),
    ],
)
def test_only_known_ways_to_split_a_text_are_written(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], pre: str | None
) -> None:
    tokenizer = Definition(AutoTokenizer.from_pretrained(families.save("llama", tmp_path / "base")), change)
    writer = gguf.GGUFWriter(tmp_path / "x.gguf", "llama")
    if pre is None:
        with pytest.raises(UserError, match="tokenizer is not one that is written as GGUF here"):
            add_tokenizer(writer, tokenizer, 500)
        return
    add_tokenizer(writer, tokenizer, 500)
    told = {name: field.value for name, field in writer.kv_data[0].items()}
    assert told["tokenizer.ggml.pre"] == pre
    assert told["tokenizer.ggml.tokens"][:5] == ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    assert told["tokenizer.ggml.tokens"][499] == "[PAD499]"
    assert set(np.unique(told["tokenizer.ggml.token_type"])) == {1, 3, 4, 5}
