"""ShareGPT's conversations."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.dialogue import DialogueTurn, conversation, records, role_of
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "ShareGPT"


class Line(Struct, gc=False):
    who: str = field(name="from", default="")
    value: str | None = ""


class Dialogue(Struct, gc=False):
    """Turns in order, with the system's words beside them or among them."""

    conversations: list[Line]
    system: str | None = ""
    tools: Any = None


def recognises(head: FileHead) -> bool:
    return head.has("[].conversations[].from") or head.has("conversations[].from")


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for dialogue in records(source, Dialogue, tally):
            turns = [DialogueTurn("system", dialogue.system or "")]
            for line in dialogue.conversations:
                if role := role_of(line.who):
                    turns.append(DialogueTurn(role, line.value or ""))
                else:
                    tally.skip("turns of an unknown side")
            yield from conversation("sharegpt", turns, source, tally)
