"""CuteGPT's data set as JSON: a list of conversations, each a list of {instruction, input, output}.

CuteGPT's own files are pickles of the same lists; `registry` refuses those.
"""

from collections.abc import Iterator, Sequence

from training.importers.reading.data_sets.records import read_data_set
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "CuteGPT"


def recognises(head: FileHead) -> bool:
    return head.has("[][].instruction", "[][].output")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    return read_data_set("cutegpt", sources, log)
