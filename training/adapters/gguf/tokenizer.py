"""A byte-level tokenizer as the metadata of a GGUF file."""

import json
from typing import Any

import gguf

from bot.errors import UserError

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SPLITS = {f"{_WORDS}\\p{{N}}{_REST}": "qwen2", f"{_WORDS}\\p{{N}}{{1,3}}{_REST}": "llama-bpe"}
_REFUSED = (
    "The base model's tokenizer is not one that is written as GGUF here: set [model] name to a GGUF file of "
    "it, or export with --format merged and convert that with llama.cpp's own scripts."
)

Json = dict[str, Any]


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Any, size: int) -> None:
    """Write a transformers tokenizer, with `size` tokens as the model has embeddings; raises `UserError`."""
    definition = json.loads(tokenizer.backend_tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_pre_tokenizer_name(definition))
    tokens, types = _tokens(definition, size)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in definition["model"]["merges"]])
    ids = {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id}
    for name, id in ids.items():
        if id is not None:
            getattr(writer, f"add_{name}_token_id")(id)
    writer.add_add_bos_token(tokenizer("a").input_ids[:1] == [tokenizer.bos_token_id])


def _pre_tokenizer_name(definition: Json) -> str:
    """Return the name that llama.cpp has for a pre-tokenizer; raises `UserError` where it has none."""
    model, first = definition["model"], definition["pre_tokenizer"] or {}
    if model["type"] != "BPE" or model.get("byte_fallback"):
        raise UserError(_REFUSED)
    steps = first.get("pretokenizers", [first])
    match [step["type"] for step in steps]:
        case ["ByteLevel"] if steps[0].get("use_regex", True):
            return "gpt-2"
        case ["Digits", "ByteLevel"] if steps[0]["individual_digits"] and steps[1].get("use_regex", True):
            return "smollm"
        case ["Split", "ByteLevel"] if known := _SPLITS.get(steps[0]["pattern"].get("Regex", "")):
            return known
    raise UserError(_REFUSED)


def _tokens(definition: Json, size: int) -> tuple[list[str], list[int]]:
    """Return the text and the type of every id; ids without a token are unused placeholders."""
    tokens = [f"[PAD{id}]" for id in range(size)]
    types = [int(gguf.TokenType.UNUSED)] * size
    for token, id in definition["model"]["vocab"].items():
        tokens[id], types[id] = token, int(gguf.TokenType.NORMAL)
    for added in (added for added in definition["added_tokens"] if added["id"] < size):
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        tokens[added["id"]], types[added["id"]] = added["content"], int(kind)
    return tokens, types
