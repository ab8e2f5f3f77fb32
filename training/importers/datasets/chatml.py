"""Messages with roles, and preferences.

OpenAI, axolotl, Mistral, TRL, ms-swift, LLaMA-Factory v1 and xtuner v1 write them.
Preferences are a prompt with two answers, or dialogues that end in them (DPO), or one answer with a label
(KTO). A list of messages may also stand alone, one a line or one a file.
"""

from collections.abc import Iterator, Sequence

from training.importers.reading.data_sets.key_names import (
    CHOSEN,
    CONTENT,
    ROLE,
    is_bare_dialogue,
    record_keys,
)
from training.importers.reading.data_sets.records import read_data_set
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "ChatML messages"
GUIDE = Guide(
    steps=(
        "Save a record a line (JSON Lines) or a list (JSON) with messages: turns of role and content, where "
        "user asks and assistant answers."
    ),
    reads=(
        "It reads dialogues, prompts with completions, and preferences (DPO, KTO) of OpenAI, axolotl, TRL, "
        "ms-swift and others."
    ),
    leaves_out="Rejected answers, tools, and turns that say that nothing is to be learned are not learned.",
    marks=("messages", "role", "content"),
    example=(
        '{"messages": [{"role": "user", "content": "Where is the boat?"}, {"role": "assistant", "content": '
        '"At the quay."}]}'
    ),
)


def recognises(head: FileHead) -> bool:
    keys = record_keys(head)
    if is_bare_dialogue(head) or any(head.has(f"[][].{role}") for role in ROLE):
        return not keys.isdisjoint(CONTENT)
    if {"messages[].role", "input.messages[].role"} & keys or {"messages[].from", "messages[].value"} <= keys:
        return True
    return {"prompt", "completion"} <= keys or not keys.isdisjoint((*CHOSEN, "segments"))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    return read_data_set("chatml", sources, log)
