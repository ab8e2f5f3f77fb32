"""Tests of one character by a part of a parsed pattern; each answer is kept."""

import re
from functools import lru_cache
from re import _constants as c  # type: ignore[attr-defined]
from typing import Any

END = ""  # stands behind the last character of a text, and fits nothing


class CharacterTest(dict[str, bool]):
    """Whether a literal, a class or a dot fits a character."""

    def __init__(self, operation: Any, value: Any, flags: int) -> None:
        super().__init__({END: False})
        self._operation, self._value, self._flags = operation, value, flags

    def __missing__(self, character: str) -> bool:
        self[character] = self._fits(character)
        return self[character]

    def _fits(self, character: str) -> bool:
        if self._operation is c.ANY:
            return bool(self._flags & re.DOTALL) or character != "\n"
        if self._operation is c.IN:
            return self._is_member(character)
        same = character == chr(self._value) or (
            bool(self._flags & re.IGNORECASE) and character.lower() == chr(self._value).lower()
        )
        return same == (self._operation is c.LITERAL)

    def _is_member(self, character: str) -> bool:
        forms = {character}
        if self._flags & re.IGNORECASE:
            forms |= {character.lower(), character.upper()}
        found = any(self._is_in(operation, value, forms, character) for operation, value in self._value)
        return found != (self._value[0][0] is c.NEGATE)

    def _is_in(self, operation: Any, value: Any, forms: set[str], character: str) -> bool:
        if operation is c.LITERAL:
            return chr(value) in forms
        if operation is c.RANGE:
            return any(len(form) == 1 and value[0] <= ord(form) <= value[1] for form in forms)
        return operation is c.CATEGORY and in_category(str(value), character, bool(self._flags & re.ASCII))


@lru_cache(maxsize=100_000)
def in_category(name: str, character: str, ascii_only: bool) -> bool:
    sign = {"SPACE": r"\s", "DIGIT": r"\d", "WORD": r"\w"}[name.split("_")[-1]]
    found = re.match(sign, character, re.ASCII if ascii_only else 0) is not None
    return found != ("_NOT_" in name)


def holds_at(name: str, text: str, at: int, flags: int) -> bool:
    """Return whether an anchor or a boundary holds before the character at an index."""
    if name.startswith("AT_BEGINNING"):
        line = name.endswith("LINE") or bool(flags & re.MULTILINE and name == "AT_BEGINNING")
        return at == 0 or (line and text[at - 1] == "\n")
    if name in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
        before, after = (
            0 <= place < len(text) and in_category("CATEGORY_WORD", text[place], bool(flags & re.ASCII))
            for place in (at - 1, at)
        )
        return (before != after) == (name == "AT_BOUNDARY")
    line = bool(flags & re.MULTILINE) and name == "AT_END"
    is_last = at == len(text) or (name == "AT_END" and at == len(text) - 1 and text[at] == "\n")
    return is_last or (line and text[at] == "\n")
