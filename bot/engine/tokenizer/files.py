"""Tokenizer files of a model's folder: read, and written beside a converted copy."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.engine.checkpoint.damage import explained_damage
from bot.engine.checkpoint.gguf.gguf_file import is_served_gguf, open_vocabulary
from bot.engine.checkpoint.source import LOCAL_ONLY
from bot.engine.tokenizer.gguf_tokenizer import read_gguf_tokenizer
from bot.engine.tokenizer.tokenizer import HFTokenizer
from bot.errors import UserError

_SPECIAL, _DEFINITION = "special.json", "tokenizer.json"


def read_tokenizer(folder: Path) -> HFTokenizer:
    """Return the tokenizer of a model's folder; a converted copy's is read without transformers.

    Raises `UserError` for damaged files and without a fast tokenizer.
    """
    with explained_damage(f"The tokenizer in {folder}"):
        return _read_tokenizer(folder, _end_ids(folder))


def _read_tokenizer(folder: Path, ends: frozenset[int]) -> HFTokenizer:
    if not (folder / _SPECIAL).exists():
        from transformers import AutoTokenizer  # takes seconds, and torch with it

        return wrap_tokenizer(AutoTokenizer.from_pretrained(folder, **LOCAL_ONLY), ends)
    named = json.loads((folder / _SPECIAL).read_text("utf-8"))
    definition = (folder / _DEFINITION).read_text("utf-8")
    return HFTokenizer(definition, named["special"], named["template"], ends | set(named["end"]))


def read_packed_tokenizer(file: Path) -> HFTokenizer:
    """Return the tokenizer in a GGUF file; raises `UserError`.

    That of a family without a reader of our own is read by transformers, which takes half a minute.
    """
    if is_served_gguf(file):
        return read_gguf_tokenizer(open_vocabulary(file))
    from transformers import AutoTokenizer

    with explained_damage(f"The tokenizer in {file}"):
        return wrap_tokenizer(AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, **LOCAL_ONLY))


def write_tokenizer(folder: Path, tokenizer: HFTokenizer) -> None:
    """Write the files that `read_tokenizer` reads without transformers."""
    named = {"special": tokenizer.special, "template": tokenizer.template, "end": sorted(tokenizer.end)}
    (folder / _SPECIAL).write_text(json.dumps(named), "utf-8")
    (folder / _DEFINITION).write_text(tokenizer.definition, "utf-8")


def wrap_tokenizer(tokenizer: Any, ends: frozenset[int] = frozenset()) -> HFTokenizer:
    """Convert a fast tokenizer of transformers, with further ids that end a text.

    Raises `UserError` for a slow tokenizer.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise UserError("The base model has no fast tokenizer (tokenizer.json): choose a model that has one.")
    named = tokenizer.special_tokens_map.items()
    special = {key: str(value) for key, value in named if not isinstance(value, list | tuple)}
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    own = {tokenizer.eos_token_id} - {None}
    return HFTokenizer(tokenizer.backend_tokenizer.to_str(), special, template, ends | own)


def _end_ids(folder: Path) -> frozenset[int]:
    """Return the ids that end a text, by generation_config.json and config.json."""
    ends: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        with suppress(OSError, ValueError, RecursionError):
            read = json.loads((folder / name).read_text("utf-8"))
            value = read.get("eos_token_id") if isinstance(read, dict) else None
            ends |= {id for id in (value if isinstance(value, list) else [value]) if type(id) is int}
    return frozenset(ends)
