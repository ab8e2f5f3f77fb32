"""Alpaca's instruction data, with LLaMA-Factory's `system`, `history` and preferences.

The answers of a `history` are trained on too, as LLaMA-Factory does. A dialogue inside `instruction`
("User:… Assistant:…", Chinese-Vicuna) is parted into its turns. An answer to no question is a post, as in
Fujisaki's data.
"""

from collections.abc import Iterator, Sequence

from training.importers.reading.data_sets.key_names import ANSWER, CHOSEN, pair_keys
from training.importers.reading.data_sets.records import read_data_set
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Alpaca"
GUIDE = Guide(
    steps=(
        "Save a record a line (JSON Lines), a list (JSON) or a table (CSV) with instruction and output, and "
        "where you like input, system and history."
    ),
    reads=(
        "It reads questions with their answers and earlier turns; a record with an empty instruction is a "
        "post."
    ),
    leaves_out=(
        "Rejected answers, and answers whose record says that nothing is to be learned, are not learned."
    ),
    marks=("instruction", "output"),
    example='{"instruction": "Where is the boat?", "input": "", "output": "At the quay."}',
)


def recognises(head: FileHead) -> bool:
    keys = pair_keys(head)
    return "instruction" in keys and not keys.isdisjoint((*ANSWER, *CHOSEN))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    return read_data_set("alpaca", sources, log)
