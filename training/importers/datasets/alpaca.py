"""Alpaca's instructions: JSON or lines, with a history where there is one."""

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from training.importers.reading.dialogue import DialogueTurn, conversation, records
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Alpaca"


class Example(Struct, gc=False):
    """What was asked and answered; the input belongs to the instruction."""

    instruction: str = ""
    input: str | None = ""
    output: str | None = ""
    system: str | None = ""
    history: list[tuple[str, str]] | None = field(default_factory=list)


def recognises(head: FileHead) -> bool:
    return head.has("[].instruction", "[].output") or head.has("instruction", "output")


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for example in records(source, Example, tally):
            yield from conversation("alpaca", list(turns(example)), source, tally)


def turns(example: Example) -> Iterator[DialogueTurn]:
    """The example as a conversation; answers of its history are trained on too, as LLaMA-Factory does."""
    yield DialogueTurn("system", example.system or "")
    for asked, answered in example.history or ():
        yield DialogueTurn("user", asked)
        yield DialogueTurn("assistant", answered)
    yield DialogueTurn("user", "\n".join(filter(None, (example.instruction, example.input))))
    yield DialogueTurn("assistant", example.output or "")
