"""Alpaca's instructions: JSON or lines, with a history where there is one."""

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from training.importers.reading.dialogue import Turn, conversation, records
from training.importers.reading.import_log import Tally
from training.importers.reading.sniff import Head
from training.importers.reading.source import Source
from training.store.messages import Said

TITLE = "Alpaca"


class Example(Struct, gc=False):
    """What was asked and answered; the input belongs to the instruction."""

    instruction: str = ""
    input: str | None = ""
    output: str | None = ""
    system: str | None = ""
    history: list[tuple[str, str]] | None = field(default_factory=list)


def recognises(head: Head) -> bool:
    return head.has("[].instruction", "[].output") or head.has("instruction", "output")


def read(sources: Sequence[Source], tally: Tally) -> Iterator[Said]:
    for source in sources:
        for example in records(source, Example, tally):
            yield from conversation("alpaca", list(turns(example)), source, tally)


def turns(example: Example) -> Iterator[Turn]:
    """The example as a conversation; answers of its history are trained on too, as LLaMA-Factory does."""
    yield Turn("system", example.system or "")
    for asked, answered in example.history or ():
        yield Turn("user", asked)
        yield Turn("assistant", answered)
    yield Turn("user", "\n".join(filter(None, (example.instruction, example.input))))
    yield Turn("assistant", example.output or "")
