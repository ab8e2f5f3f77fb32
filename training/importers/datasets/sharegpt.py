"""Conversations of turns with roles under one key (ShareGPT, LLaMA-Factory, ChatGLM, MiniMind, UltraChat).

A system prompt stands beside the turns or among them. With LLaMA-Factory's preferences, `chosen` ends the
conversation. Turns are {from, value}, {role, content}, pairs of question and answer, or texts in turn.
"""

from collections.abc import Iterator, Sequence

from training.importers.reading.data_sets.key_names import ANSWER, CONTENT, CONVERSATION, ROLE, record_keys
from training.importers.reading.data_sets.records import read_data_set
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "ShareGPT"
GUIDE = Guide(
    steps=(
        "Save a record a line (JSON Lines) or a list (JSON) with conversations: turns of from and value, "
        "where human asks and gpt answers."
    ),
    reads="It reads dialogues under the usual names of keys, a system text, and LLaMA-Factory's preferences.",
    leaves_out=(
        "Rejected answers, calls of functions, and turns that say that nothing is to be learned are not "
        "learned."
    ),
    marks=("conversations", "from", "value"),
    example=(
        '{"conversations": [{"from": "human", "value": "Where is the boat?"}, {"from": "gpt", "value": "At '
        'the quay."}]}'
    ),
)
_TEXTS = (
    "conversations",
    "conversation",
    "dialogue",
    "dialog",
    "data",
)  # may hold texts in turn, which have no keys


def recognises(head: FileHead) -> bool:
    keys = record_keys(head)
    return any(
        (_has_one(keys, name, ROLE) and _has_one(keys, name, CONTENT)) or _has_one(keys, name, ANSWER)
        for name in CONVERSATION
        if name != "messages" and f"{name}[].input" not in keys  # of ChatML and of xtuner
    ) or any(_holds_texts(keys, name) for name in _TEXTS)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    return read_data_set("sharegpt", sources, log)


def _holds_texts(keys: frozenset[str], name: str) -> bool:
    is_flat = not any(key.startswith(f"{name}[") for key in keys)
    return name in keys and is_flat and (name != "data" or keys <= {"id", "data"})


def _has_one(keys: frozenset[str], name: str, wanted: Sequence[str]) -> bool:
    return any(f"{name}[].{each}" in keys for each in wanted)
