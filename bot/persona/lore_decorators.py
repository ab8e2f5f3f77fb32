"""Decorators of V3: lines that begin with "@@" at the top of an entry's text and say how it is used."""

from collections.abc import Callable
from dataclasses import replace

from bot.persona.lorebook import DEPTH, MAX_DEPTH, MAX_SCAN_DEPTH, LoreEntry, bounded_number, read_role

_Change = Callable[[LoreEntry, str], LoreEntry]
_MOST = 50  # decorators of an entry
_DECORATORS: dict[str, _Change] = {
    "constant": lambda entry, _: replace(entry, constant=True),
    "activate": lambda entry, _: replace(entry, constant=True),
    "depth": lambda entry, value: replace(entry, depth=bounded_number(value, DEPTH, MAX_DEPTH)),
    "role": lambda entry, value: replace(entry, role=read_role(value)),
    "scan_depth": lambda entry, value: replace(
        entry, scan_depth=bounded_number(value, 0, MAX_SCAN_DEPTH) or entry.scan_depth
    ),
    "additional_keys": lambda entry, value: replace(entry, secondary=(*entry.secondary, *_keys(value))),
    "exclude_keys": lambda entry, value: replace(entry, excluded=(*entry.excluded, *_keys(value))),
    "position": lambda entry, value: replace(entry, after_card=value.strip() != "before_desc"),
}


def apply_decorators(entry: LoreEntry) -> tuple[LoreEntry, bool]:
    """Return an entry as its decorators say, with its text alone, and whether it may be used at all.

    Decorators that are not known are dropped; so is a fallback ("@@@"), except of one that is not known.
    """
    lines = entry.content.lstrip().split("\n", _MOST)
    count, is_on, is_known = 0, True, True
    while count < len(lines) and lines[count].startswith("@@"):
        is_fallback = lines[count].startswith("@@@")
        name, _, value = lines[count].lstrip("@").strip().partition(" ")
        if not (is_fallback and is_known):
            is_on = is_on and name != "dont_activate"
            is_known = name in _DECORATORS or name == "dont_activate"
            entry = _DECORATORS[name](entry, value) if name in _DECORATORS else entry
        count += 1
    return (replace(entry, content="\n".join(lines[count:]).strip()), is_on) if count else (entry, True)


def _keys(value: str) -> tuple[str, ...]:
    return tuple(key for each in value.split(",") if (key := " ".join(each.split())))
