"""CuteGPT's data set as JSON: a list of conversations, each a list of {instruction, input, output}.

CuteGPT's own files are pickles of the same lists; `registry` refuses those.
"""

from collections.abc import Iterator, Sequence

from bot.errors import UserError
from training.importers.reading.dialogue import DialogueTurn, dialogue_messages
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "CuteGPT"
_FIELDS = {"instruction", "input", "output"}


def recognises(head: FileHead) -> bool:
    return head.has("[][].instruction", "[][].output")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        document = JsonReader(source)
        for dialogue in document.elements(list[dict[str, str]]):
            yield from dialogue_messages("cutegpt", list(_turns(dialogue, source)), source, log)
        log.skip("unreadable", document.unreadable)


def _turns(dialogue: list[dict[str, str]], source: Source) -> Iterator[DialogueTurn]:
    for exchange in dialogue:
        if not exchange.keys() & _FIELDS:
            raise UserError(
                f"{source} has a conversation of CuteGPT without instruction, input and output: "
                "give each of its objects these three keys."
            )
        request = filter(None, (exchange.get("instruction"), exchange.get("input")))
        yield DialogueTurn("user", "\n".join(request))
        yield DialogueTurn("assistant", exchange.get("output", ""))
