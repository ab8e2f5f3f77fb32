"""xtuner's conversations; with an empty input, `output` is plain text to go on with."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from training.importers.reading.dialogue import DialogueTurn, conversation, records
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "xtuner"
_SIDES = re.compile(r"### (Human|Assistant):")


class Exchange(Struct, gc=False):
    system: str | None = ""
    input: str | None = ""
    output: str | None = ""


class Dialogue(Struct, gc=False):
    conversation: list[Exchange]


def recognises(head: FileHead) -> bool:
    return head.has("[].conversation[].output") or head.has("conversation[].output")


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for dialogue in records(source, Dialogue, tally):
            turns = [turn for exchange in dialogue.conversation for turn in _turns(exchange)]
            yield from conversation("xtuner", turns, source, tally)


def _turns(exchange: Exchange) -> Iterator[DialogueTurn]:
    yield DialogueTurn("system", exchange.system or "")
    output = exchange.output or ""
    if not exchange.input and _SIDES.match(output):
        yield from _sides(output)
        return
    yield DialogueTurn("user", exchange.input or "")
    yield DialogueTurn("assistant", output)


def _sides(text: str) -> Iterator[DialogueTurn]:
    """Both sides in one text, as the older conversion of OASST1 has it."""
    _, *parts = _SIDES.split(text)
    for side, words in zip(parts[::2], parts[1::2], strict=True):
        yield DialogueTurn("user" if side == "Human" else "assistant", words.strip())
