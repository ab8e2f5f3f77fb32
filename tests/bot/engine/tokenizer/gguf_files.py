"""GGUF files that hold a tokenizer, written by gguf's own writer as llama.cpp's converter writes them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
from tokenizers import Tokenizer

from bot.engine.checkpoint.gguf.header import read_gguf_header
from bot.engine.checkpoint.gguf.vocabulary import GgufVocabulary

Kind = gguf.TokenType


def byte_level_keys(tokenizer: Tokenizer, pre: str) -> dict[str, Any]:
    """Return the keys of a byte-level tokenizer that splits texts in the named way."""
    definition = json.loads(tokenizer.to_str())
    size = tokenizer.get_vocab_size() + 3  # some embeddings have no token
    tokens, types = [f"[PAD{id}]" for id in range(size)], [int(Kind.UNUSED)] * size
    for token, id in definition["model"]["vocab"].items():
        tokens[id], types[id] = token, int(Kind.NORMAL)
    for added in definition["added_tokens"]:
        kind = Kind.CONTROL if added["special"] else Kind.USER_DEFINED
        tokens[added["id"]], types[added["id"]] = added["content"], int(kind)
    merges = [" ".join(merge) for merge in definition["model"]["merges"]]
    return {"model": "gpt2", "pre": pre, "tokens": tokens, "token_type": types, "merges": merges}


def write_tokenizer_file(path: Path, keys: Mapping[str, Any], architecture: str = "llama") -> Path:
    """Write a file of nothing but a tokenizer; keys of `tokenizer.ggml.` that are None are left out."""
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in keys.items():
        if value is not None:
            _add(writer, key if key.startswith("tokenizer.") else f"tokenizer.ggml.{key}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case str():
            writer.add_string(key, value)
        case _:
            writer.add_array(key, value)


def vocabulary_in(path: Path, architecture: str = "llama", rows: int = 1 << 20) -> GgufVocabulary:
    """Return the vocabulary in a file without a model."""
    return GgufVocabulary(path, read_gguf_header(path).metadata, architecture, rows)
