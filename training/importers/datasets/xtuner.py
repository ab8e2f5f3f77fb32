"""xtuner's conversations; with an empty input, `output` is a text for pretraining."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from training.importers.reading.dialogue import DialogueTurn, dialogue_messages, read_records
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "xtuner"
_ROLE_MARK = re.compile(r"### (Human|Assistant):")


class XtunerExchange(Struct, gc=False):
    system: str | None = ""
    input: str | None = ""
    output: str | None = ""


class XtunerDialogue(Struct, gc=False):
    conversation: list[XtunerExchange]


def recognises(head: FileHead) -> bool:
    return head.has("[].conversation[].output") or head.has("conversation[].output")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for dialogue in read_records(source, XtunerDialogue, log):
            turns = [turn for exchange in dialogue.conversation for turn in _turns(exchange)]
            yield from dialogue_messages("xtuner", turns, source, log)


def _turns(exchange: XtunerExchange) -> Iterator[DialogueTurn]:
    yield DialogueTurn("system", exchange.system or "")
    output = exchange.output or ""
    if not exchange.input and _ROLE_MARK.match(output):
        yield from _split_roles(output)
        return
    yield DialogueTurn("user", exchange.input or "")
    yield DialogueTurn("assistant", output)


def _split_roles(text: str) -> Iterator[DialogueTurn]:
    """Split a text that holds both sides, as xtuner's older conversion of OASST1 writes it."""
    _, *parts = _ROLE_MARK.split(text)
    for role, text in zip(parts[::2], parts[1::2], strict=True):
        yield DialogueTurn("user" if role == "Human" else "assistant", text.strip())
