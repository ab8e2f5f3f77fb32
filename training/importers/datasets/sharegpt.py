"""ShareGPT's conversations."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.dialogue import Turn, conversation, records, role_of
from training.importers.reading.import_log import Tally
from training.importers.reading.sniff import Head
from training.importers.reading.source import Source
from training.store.messages import Said

TITLE = "ShareGPT"


class Line(Struct, gc=False):
    who: str = field(name="from", default="")
    value: str | None = ""


class Dialogue(Struct, gc=False):
    """Turns in order, with the system's words beside them or among them."""

    conversations: list[Line]
    system: str | None = ""
    tools: Any = None


def recognises(head: Head) -> bool:
    return head.has("[].conversations[].from") or head.has("conversations[].from")


def read(sources: Sequence[Source], tally: Tally) -> Iterator[Said]:
    for source in sources:
        for dialogue in records(source, Dialogue, tally):
            turns = [Turn("system", dialogue.system or "")]
            for line in dialogue.conversations:
                if role := role_of(line.who):
                    turns.append(Turn(role, line.value or ""))
                else:
                    tally.skip("turns of an unknown side")
            yield from conversation("sharegpt", turns, source, tally)
