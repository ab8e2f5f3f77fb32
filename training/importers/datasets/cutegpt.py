"""CuteGPT's data set as JSON: a list of conversations, each a list of {instruction, input, output}.

CuteGPT's own files are pickles of the same lists; `registry` refuses those.
"""

from collections.abc import Iterator, Sequence

from bot.errors import UserError
from training.importers.reading.dialogue import DialogueTurn, conversation
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "CuteGPT"
_FIELDS = {"instruction", "input", "output"}


def recognises(head: FileHead) -> bool:
    return head.has("[][].instruction", "[][].output")


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        document = Json(source)
        for dialogue in document.elements(list[dict[str, str]]):
            yield from conversation("cutegpt", list(_turns(dialogue, source)), source, tally)
        tally.skip("unreadable", document.unreadable)


def _turns(dialogue: list[dict[str, str]], source: Source) -> Iterator[DialogueTurn]:
    for step in dialogue:
        if not step.keys() & _FIELDS:
            raise UserError(
                f"{source} has a conversation of CuteGPT without instruction, input and output: "
                "give each of its objects these three keys."
            )
        asked = filter(None, (step.get("instruction"), step.get("input")))
        yield DialogueTurn("user", "\n".join(asked))
        yield DialogueTurn("assistant", step.get("output", ""))
