"""Alpaca's instruction data, as JSON or JSON Lines, with LLaMA-Factory's `system` and `history`."""

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from training.importers.reading.dialogue import DialogueTurn, dialogue_messages, read_records
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Alpaca"


class AlpacaExample(Struct, gc=False):
    """An instruction with its input and answer; `history` holds earlier pairs of question and answer."""

    instruction: str = ""
    input: str | None = ""
    output: str | None = ""
    system: str | None = ""
    history: list[tuple[str, str]] | None = field(default_factory=list)


def recognises(head: FileHead) -> bool:
    return head.has("[].instruction", "[].output") or head.has("instruction", "output")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for example in read_records(source, AlpacaExample, log):
            yield from dialogue_messages("alpaca", list(_turns(example)), source, log)


def _turns(example: AlpacaExample) -> Iterator[DialogueTurn]:
    """The example as a dialogue; the answers of its history are trained on too, as LLaMA-Factory does."""
    yield DialogueTurn("system", example.system or "")
    for asked, answered in example.history or ():
        yield DialogueTurn("user", asked)
        yield DialogueTurn("assistant", answered)
    yield DialogueTurn("user", "\n".join(filter(None, (example.instruction, example.input))))
    yield DialogueTurn("assistant", example.output or "")
