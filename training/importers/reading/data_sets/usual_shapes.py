"""Records of the usual shapes, read in a third of the time; every other record is read by `records`.

A record of a usual shape has a question, an input and an answer as texts, or one list of turns of a role and
a text each, and nothing else but an id. Its keys are looked at once for all records that have the same.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from training.importers.reading.data_sets.key_names import ANSWER, CONVERSATION, INPUT, QUESTION
from training.importers.reading.dialogue import ROLES, DialogueTurn

_TURNS = frozenset((("role", "content"), ("from", "value")))


@lru_cache(64)
def usual_pair(keys: tuple[str, ...]) -> tuple[tuple[str, ...], str] | None:
    """Return the keys of the question in their order, and that of the answer; None for other records."""
    asked = [name for name in keys if name in QUESTION]
    answers = [name for name in keys if name in ANSWER]
    inputs = [name for name in INPUT if name in keys]
    if len(asked) > 1 or len(answers) != 1 or len(keys) != len(asked) + len(inputs) + 1 + ("id" in keys):
        return None
    return (*asked, *inputs), answers[0]


@lru_cache(64)
def usual_conversation(keys: tuple[str, ...]) -> str:
    """Return the key of the turns of a record that has nothing else; "" for other records."""
    names = [name for name in keys if name != "id"]
    return names[0] if len(names) == 1 and names[0] in CONVERSATION else ""


def read_usual_turns(items: Any) -> list[DialogueTurn] | None:
    """Return turns of a known role and a text each; None for any other list."""
    if type(items) is not list:
        return None
    turns = list[DialogueTurn]()
    for item in items:
        if type(item) is not dict or tuple(item) not in _TURNS:
            return None
        name, text = item.values()
        role = ROLES.get(name) if type(name) is str else None
        if role is None or type(text) is not str:
            return None
        turns.append(DialogueTurn(role, text))
    return turns


def read_usual_pair(record: Mapping[str, Any], asked: tuple[str, ...], answer: str) -> tuple[str, str] | None:
    """Return question and answer; None where one of them is no text."""
    answered, texts = record[answer], list[str]()
    for name in asked:
        text = record[name] or ""
        if type(text) is not str:
            return None
        if text and not text.isspace():
            texts.append(text)
    return ("\n".join(texts), answered) if type(answered) is str else None
