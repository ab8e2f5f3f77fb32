"""Parts of tokenizers that no public method gives, as seen in version 0.23: the state of its components.

`tests/bot/engine/tokenizer/test_compat.py` fails when an upgrade changes one of them.
"""

import json
from enum import Enum
from typing import Any

from tokenizers import Tokenizer as Backend

Json = dict[str, Any]


class Prefix(Enum):
    """A blank that a tokenizer writes before a text, or before each section of it between control tokens."""

    TEXT = "text"
    SECTION = "section"


_EMPTY_MODEL = {"type": "BPE", "vocab": {}, "merges": []}


def component_state(component: Any) -> Json | None:
    """Return a normalizer, pre-tokenizer or decoder as tokenizer.json holds it; None for None."""
    return json.loads(component.__getstate__()) if component is not None else None


def has_component(state: Json | None, kind: str) -> bool:
    """Return whether a decoder's state is of this kind, or holds one in a sequence."""
    if state is None:
        return False
    return state["type"] == kind or any(has_component(inner, kind) for inner in state.get("decoders", ()))


def make_spliceable(
    backend: Backend, original: Backend, without: frozenset[Prefix] = frozenset(Prefix)
) -> None:
    """Give `backend` the original's components, but for prefixes `without`; truncation and padding are off.

    Without any prefix, ids of texts that are encoded apart can be joined.
    """
    components = {
        "normalizer": _without_prefix(component_state(original.normalizer), without),
        "pre_tokenizer": _without_prefix(component_state(original.pre_tokenizer), without),
    }
    definition = {"version": "1.0", "added_tokens": [], "model": _EMPTY_MODEL} | components
    shell = Backend.from_str(json.dumps(definition))
    backend.normalizer = shell.normalizer
    backend.pre_tokenizer = shell.pre_tokenizer
    backend.no_truncation()
    backend.no_padding()


def _without_prefix(state: Json | None, without: frozenset[Prefix]) -> Json | None:
    if state is None:
        return None
    match state:
        case {"type": "Prepend"} if Prefix.SECTION in without:
            return None
        case {"type": "Sequence"}:
            key = "normalizers" if "normalizers" in state else "pretokenizers"
            inner = (_without_prefix(each, without) for each in state[key])
            return state | {key: [each for each in inner if each is not None]}
        case {"type": "ByteLevel"}:  # no family that is served has the blank, and adapters learned without it
            return state | {"add_prefix_space": False}
        case {"type": "Metaspace"} if _metaspace_prefix(state) in without:
            return state | {"prepend_scheme": "never"}
    return state


def _metaspace_prefix(state: Json) -> Prefix:
    return Prefix.TEXT if state.get("prepend_scheme") == "first" else Prefix.SECTION


def byte_alphabet() -> dict[str, int]:
    """Return the byte for each visible character of byte-level tokenizers (bytes_to_unicode of GPT-2)."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + n): byte for n, byte in enumerate(others)}
