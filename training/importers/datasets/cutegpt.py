"""CuteGPT's data set as JSON: a list of conversations, each a list of {instruction, input, output}.

CuteGPT's own files are pickles of the same lists; `registry` refuses those.
"""

from collections.abc import Iterator, Sequence

from training.importers.reading.data_sets.records import read_data_set
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "CuteGPT"
GUIDE = Guide(
    steps=(
        "Save a list of conversations as JSON, each a list of instruction, input and output; CuteGPT's own "
        "pickles become JSON by the command that import prints."
    ),
    reads="It reads each conversation, whose outputs are learned.",
    leaves_out="Nothing is learned of instructions and inputs; they stand before the answers.",
    marks=("instruction", "input", "output"),
    example='[[{"instruction": "Where is the boat?", "input": "", "output": "At the quay."}]]',
)


def recognises(head: FileHead) -> bool:
    return head.has("[][].instruction", "[][].output")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    return read_data_set("cutegpt", sources, log)
