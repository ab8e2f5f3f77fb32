"""Names of keys in data sets: of conversations, of their turns, and of questions and answers."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from training.importers.reading.sniff import FileHead

CONVERSATION = (
    "messages",
    "conversations",
    "conversation",
    "dialogue",
    "dialogues",
    "dialog",
    "dialogs",
    "turns",
    "rounds",
    "utterances",
    "chat",
    "data",
)
# of an object around all records: LMFlow's, and the splits of a data set
AROUND = (
    *("data", "dataset", "instances", "examples", "samples", "records", "rows", "items"),
    *("train", "validation", "valid", "eval", "test"),
)
ROLE = ("role", "from", "speaker")
CONTENT = ("content", "value", "text", "utterance")
SYSTEM = ("system", "system_prompt", "meta_instruction")
QUESTION = ("instruction", "question", "query", "prompt", "human", "user", "q", "问题", "提问", "问")
INPUT = ("input", "context")  # stands behind a question, or is the question
ANSWER = (
    *("output", "answer", "response", "completion", "target", "assistant", "gpt", "bot", "reply", "a"),
    *("回答", "答案", "答"),
)
CHOSEN = ("chosen", "chosen_response", "response_chosen", "chosen_messages", "preferred_output")


def lower_keys(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record with its keys in small letters."""
    if all(key == key.lower() for key in record):
        return record
    return {key.lower(): value for key, value in record.items()}


def first_of(record: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the value of the first of these keys that the record has, and that holds anything."""
    return next((record[name] for name in names if record.get(name) not in (None, "", [])), None)


def record_keys(head: FileHead) -> frozenset[str]:
    """Return the paths of keys from the record on.

    Records stand alone, one a line, in an array, or in arrays of an object.
    """
    around = tuple(f"{name}[]." for name in keys_around(head))
    keys = (key for key in head.keys if key.startswith(around)) if around else iter(head.keys)
    return frozenset(key.lower().partition("[].")[2] if around else key.lower().lstrip("[].") for key in keys)


def pair_keys(head: FileHead) -> frozenset[str]:
    """Return the keys of records, or the columns of a table, whose rows are questions with answers."""
    return record_keys(head) or frozenset(name.lower() for name in head.columns)


def keys_around(head: FileHead) -> tuple[str, ...]:
    """Return the keys under which an object holds arrays of records; () where records stand otherwise."""
    roots = dict[str, set[str]]()
    for key in head.keys:
        name, is_inside, inner = key.partition("[].")
        if is_inside and name in AROUND:
            roots.setdefault(name, set()).add(inner.lower())
    return tuple(name for name, inner in roots.items() if not is_turn(inner))


def is_bare_dialogue(head: FileHead) -> bool:
    """Return True for arrays that are dialogues themselves: their elements are turns, not records."""
    return is_turn({key[3:].lower() for key in head.keys if key.startswith("[].")})


def is_turn(keys: Collection[str]) -> bool:
    """Return True for the keys of a turn: a role, and no pair of question and answer that one may have."""
    return any(name in keys for name in ROLE) and not has_pair(keys)


def has_pair(keys: Iterable[str]) -> bool:
    """Return True if a record with these keys holds a question and an answer."""
    known = set(keys)
    asked = known & {*QUESTION, *INPUT}
    answered = known & {*ANSWER, *CHOSEN}
    return bool(asked and answered)
