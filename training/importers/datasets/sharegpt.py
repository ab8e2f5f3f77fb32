"""ShareGPT's conversations, with LLaMA-Factory's `system` and `tools`."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.dialogue import DialogueTurn, dialogue_messages, read_records, role_of
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "ShareGPT"


class ShareGptTurn(Struct, gc=False):
    role: str = field(name="from", default="")
    value: str | None = ""


class ShareGptDialogue(Struct, gc=False):
    """Turns in order; the system prompt stands beside them or among them."""

    conversations: list[ShareGptTurn]
    system: str | None = ""
    tools: Any = None


def recognises(head: FileHead) -> bool:
    return head.has("[].conversations[].from") or head.has("conversations[].from")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for dialogue in read_records(source, ShareGptDialogue, log):
            turns = [DialogueTurn("system", dialogue.system or "")]
            for turn in dialogue.conversations:
                if role := role_of(turn.role):
                    turns.append(DialogueTurn(role, turn.value or ""))
                else:
                    log.skip("turns of an unknown side")
            yield from dialogue_messages("sharegpt", turns, source, log)
