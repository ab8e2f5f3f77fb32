"""Questions with answers under any of the usual names, and the dialogues that are written in that form.

Among them are ms-swift's {query, response, history}, Chinese-Vicuna's chats {input: [], output: []}, and
Fujisaki's second file {context, target}, whose frame around the question is taken away.
"""

from collections.abc import Iterator, Sequence

from training.importers.reading.data_sets.key_names import has_pair, pair_keys
from training.importers.reading.data_sets.records import read_data_set
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Questions and answers"
GUIDE = Guide(
    steps=(
        "Save a record a line (JSON Lines), a list (JSON) or a table (CSV) with a question and an answer "
        "under any of the usual names, such as query and response."
    ),
    reads="It reads questions with their answers, lists of both, and dialogues inside one text.",
    leaves_out="Answers whose record says that nothing is to be learned are not learned.",
    marks=("question", "answer"),
    example='{"question": "Where is the boat?", "answer": "At the quay."}',
)


def recognises(head: FileHead) -> bool:
    return has_pair(pair_keys(head))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    return read_data_set("qa", sources, log)
