"""Lorebooks read from JSON: character_book of V2 and V3, SillyTavern's world info, Agnai, NovelAI, RisuAI."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.errors import UserError
from bot.persona.card_fields import clean_text
from bot.persona.lore_decorators import apply_decorators
from bot.persona.lore_keys import literal_keys
from bot.persona.lorebook import (
    DEPTH,
    LOGICS,
    MAX_CONTENT,
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_KEY,
    MAX_KEYS,
    MAX_SCAN_DEPTH,
    SCAN_DEPTH,
    Lorebook,
    LoreEntry,
    bounded_number,
    read_role,
)

_CONTENT = ("content", "entry", "text")
_KEYS = ("keys", "key", "keywords")
_SECONDARY = ("secondary_keys", "keysecondary", "secondkey")
_CONSTANT = ("constant", "alwaysActive", "forceActivation")
_ORDER = ("insertion_order", "order", "insertorder", "weight")
_AFTER = ("after_char", 1, 2, 3, 5, 6)  # the numbers are SillyTavern's
_AT_DEPTH = 4
_MAX_BUDGET = 10**6  # tokens
_COMMAS = re.compile("[,，、]")


@dataclass(frozen=True, slots=True)
class _BookRules:
    """The settings of a book for all of its entries."""

    scan_depth: int
    recursive: bool


def read_lorebook(value: Any) -> Lorebook:
    """Return a lorebook from JSON of any known program; unusable entries are left out with the reason."""
    book = _unwrapped(value)
    scan_depth = bounded_number(_first(book, ("scan_depth", "scanDepth")), 0, MAX_SCAN_DEPTH)
    rules = _BookRules(scan_depth or SCAN_DEPTH, book.get("recursive_scanning") is True)
    entries, left_out, keys = list[LoreEntry](), list[str](), 0
    for number, raw in enumerate(_entries_of(book)):
        entry = _read_entry(raw, rules) if number < MAX_ENTRIES else "too many entries"
        if isinstance(entry, str):
            left_out.append(entry)
            continue
        keys += len(entry.keys) + len(entry.secondary) + len(entry.excluded)
        if keys > MAX_KEYS:
            left_out.append("too many keys")
        else:
            entries.append(entry)
    budget = bounded_number(_first(book, ("token_budget", "tokenBudget")), 0, _MAX_BUDGET)
    return Lorebook(tuple(sorted(entries, key=lambda entry: entry.order)), budget, tuple(left_out))


def check_lorebook(value: Any) -> Any:
    """Return JSON that has entries, if perhaps none. Raises `UserError`."""
    if not isinstance(_unwrapped(value).get("entries"), dict | list):
        raise UserError("it has no list or object `entries`: write one, or delete the file")
    return value


def _unwrapped(value: Any) -> Mapping[str, Any]:
    """Return the object that holds the entries; those of RisuAI and V3 files stand in "data"."""
    if isinstance(value, dict) and "entries" not in value and isinstance(value.get("data"), dict | list):
        value = value["data"]
    if isinstance(value, list):
        return {"entries": value}
    return value if isinstance(value, dict) else {}


def _entries_of(book: Mapping[str, Any]) -> list[Any]:
    """Return the entries in order; SillyTavern's files have them as an object by their numbers."""
    entries = book.get("entries")
    if isinstance(entries, dict):
        return list(entries.values())
    return entries if isinstance(entries, list) else []


def _read_entry(raw: Any, rules: _BookRules) -> LoreEntry | str:
    """Return an entry, or the reason why it is left out."""
    if not isinstance(raw, dict):
        return "no entries"
    content = _first(raw, _CONTENT)
    if not isinstance(content, str) or not content.strip():
        return "no content"
    if len(content) > MAX_CONTENT:
        return "too long"
    if raw.get("enabled", True) is False or raw.get("disable") is True or raw.get("enabled") == "false":
        return "switched off"
    entry, is_on = apply_decorators(_entry(_merged(raw), clean_text(content), rules))
    if not is_on:
        return "switched off"
    return _with_literal_keys(entry, raw.get("use_regex") is True) if entry.content else "no content"


def _merged(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry's fields with those that SillyTavern writes into its extensions."""
    found = raw.get("extensions")
    extensions = found if isinstance(found, dict) else {}
    merged = {**extensions, **{key: value for key, value in raw.items() if value is not None}}
    if isinstance(extensions.get("position"), int):  # more exact than V2's two positions
        merged["position"] = extensions["position"]
    return merged


def _with_literal_keys(entry: LoreEntry, is_regex: bool) -> LoreEntry | str:
    """Return an entry whose keys are plain words, or the reason why it has none."""
    keys, refused = literal_keys(entry.keys, is_regex)
    secondary, refused_too = literal_keys(entry.secondary, is_regex)
    if refused_too or (refused and not keys and not entry.constant):
        return "regular expressions as keys"
    if not keys and not entry.constant:
        return "no keys"
    return replace(entry, keys=keys, secondary=secondary)


def _entry(raw: Mapping[str, Any], content: str, rules: _BookRules) -> LoreEntry:
    position = raw.get("position")
    scan_depth = bounded_number(_first(raw, ("scan_depth", "scanDepth")), 0, MAX_SCAN_DEPTH)
    logic = bounded_number(_first(raw, ("selectiveLogic", "selective_logic")), 0, len(LOGICS) - 1)
    return LoreEntry(
        content,
        keys=_texts(_first(raw, _KEYS)),
        secondary=_texts(_first(raw, _SECONDARY)) if raw.get("selective") is True else (),
        logic=LOGICS[logic],
        constant=_first(raw, _CONSTANT) is True,
        case_sensitive=_first(raw, ("case_sensitive", "caseSensitive")) is True,
        whole_words=_first(raw, ("match_whole_words", "matchWholeWords")) is not False,
        order=_number(_first(raw, _ORDER), 100),
        priority=_number(raw.get("priority"), 0),
        after_card=isinstance(position, str | int) and position in _AFTER,
        depth=bounded_number(raw.get("depth"), DEPTH, MAX_DEPTH) if position == _AT_DEPTH else None,
        role=read_role(raw.get("role")),
        scan_depth=scan_depth or rules.scan_depth,
        recursive=rules.recursive and _first(raw, ("exclude_recursion", "excludeRecursion")) is not True,
    )


def _first(raw: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((raw[name] for name in names if raw.get(name) is not None), None)


def _number(value: object, default: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(-1e9, min(float(value), 1e9)) if is_number and math.isfinite(value) else default  # type: ignore[arg-type]


def _texts(value: object) -> tuple[str, ...]:
    """Return keys, each on one line; a text is a list with commas."""
    return tuple(dict.fromkeys(_keys(value)))


def _keys(value: object) -> Iterator[str]:
    items: list[Any] = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    for item in items:
        if not isinstance(item, str):
            continue
        for key in [item] if item.lstrip().startswith("/") else _COMMAS.split(item):
            if 0 < len(line := " ".join(clean_text(key).split())) <= MAX_KEY:
                yield line
