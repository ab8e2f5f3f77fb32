"""Lists of turns in data sets: turns with roles, pairs of question and answer, or texts that alternate."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.importers.reading.data_sets.flags import is_trained
from training.importers.reading.data_sets.key_names import (
    ANSWER,
    CONTENT,
    INPUT,
    QUESTION,
    ROLE,
    SYSTEM,
    first_of,
    is_turn,
    lower_keys,
)
from training.importers.reading.data_sets.role_marks import split_text
from training.importers.reading.dialogue import DialogueTurn, Role, role_of
from training.importers.reading.import_log import ImportLog

PARTED = "dialogues that stood in one text, parted into turns"
_PARTLY = "Turns that are trained on in part are kept as context and not trained on."
_SHOWN_KEYS = 5
_CALLS = ("tool_calls", "function_call")


class UnknownShape(ValueError):
    """A record or a turn of no known shape."""


def read_turns(items: Sequence[Any], log: ImportLog) -> Iterator[DialogueTurn]:
    """Yield the turns of a list. Raises `UnknownShape` for an item that is no turn."""
    if items and all(map(_is_text, items)):
        for item in items:
            yield from _read_text_item(item, log)
        return
    for number, item in enumerate(items):
        if isinstance(item, str):
            yield DialogueTurn("assistant" if number % 2 else "user", item)
        elif isinstance(item, list) and len(item) == 2:
            yield DialogueTurn("user", plain_text(item[0]))
            yield DialogueTurn("assistant", plain_text(item[1]))
        elif isinstance(item, dict):
            yield from _read_item(lower_keys(item), log)
        else:
            raise UnknownShape


def read_turn(turn: Mapping[str, Any], log: ImportLog, role: str = "") -> Iterator[DialogueTurn]:
    """Yield a turn with a role; the log counts a turn of an unknown side. `role` stands for a missing one."""
    name = role_of(first_of(turn, ROLE) or role)
    if name is None:
        log.skip("turns of an unknown side")
        return
    content = next((turn[key] for key in CONTENT if turn.get(key) is not None), "")
    if not content and any(turn.get(key) for key in _CALLS):
        log.skip("turns of tools")
        return
    if not any(key in turn for key in CONTENT):
        log.skip("turns whose words stand under no known key")
        log.note(
            f"No words are known in turns with the keys {', '.join(map(repr, sorted(turn)[:_SHOWN_KEYS]))}."
        )
        return
    text, is_whole = _read_content(content, log)
    details = turn.get("train_detail")
    spans = details if isinstance(details, list) else []
    partly = not is_whole or any(isinstance(span, dict) and not is_trained(span) for span in spans)
    if partly:
        log.note(_PARTLY)
    yield DialogueTurn(name, text, is_trained(turn) and not partly)


def read_text(text: str, log: ImportLog, otherwise: Role = "document") -> Iterator[DialogueTurn]:
    """Yield the turns of a dialogue that stands in one text; any other text is one turn of `otherwise`."""
    if turns := split_text(text):
        log.keep(PARTED)
        yield from (DialogueTurn(side, words) for side, words in turns)
    else:
        yield DialogueTurn(otherwise, text)


def plain_text(value: Any) -> str:
    """Return a text, a number as text, or "" for null. Raises `UnknownShape` for anything else."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnknownShape
    return str(value)


def joined_question(record: Mapping[str, Any]) -> str:
    """Return a question and the input behind it, one below the other."""
    parts = [first_of(record, QUESTION), *(record.get(name) for name in INPUT)]
    return "\n".join(text for text in map(plain_text, parts) if text.strip())


def _read_item(item: Mapping[str, Any], log: ImportLog) -> Iterator[DialogueTurn]:
    if is_turn(item):
        yield from read_turn(item, log)
        return
    if not any(name in item for name in (*ANSWER, *QUESTION, *INPUT)):
        raise UnknownShape
    yield DialogueTurn("system", plain_text(first_of(item, SYSTEM)))
    yield DialogueTurn("user", joined_question(item))
    yield DialogueTurn("assistant", plain_text(first_of(item, ANSWER)), is_trained(item))


def _is_text(item: Any) -> bool:
    """Return True for a record of xtuner for pretraining: an output behind an empty input."""
    if not isinstance(item, dict) or "output" not in item or item.get("instruction") is not None:
        return False
    return "input" in item and not item["input"] and not any(name in item for name in ROLE)


def _read_text_item(item: Mapping[str, Any], log: ImportLog) -> Iterator[DialogueTurn]:
    yield DialogueTurn("system", plain_text(first_of(item, SYSTEM)))
    for turn in read_text(plain_text(item["output"]), log):
        yield turn if is_trained(item) else turn._replace(trained=False)


def _read_content(content: Any, log: ImportLog) -> tuple[str, bool]:
    """Return the text of a content, and whether all of its parts are trained alike."""
    if not isinstance(content, list):
        return plain_text(content), True
    texts, trained = list[str](), True
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            text = plain_text(next((part[key] for key in CONTENT if part.get(key) is not None), None))
            if not text and part.get("type") not in (None, "text"):
                log.skip("pictures and other files in turns")
            texts.append(text)
            trained = trained and is_trained(part)
        else:
            raise UnknownShape
    return "".join(texts), trained
