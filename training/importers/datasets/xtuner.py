"""xtuner's conversations; with an empty input, `output` is a text for the stage of facts.

Older files of xtuner hold both sides in that text, which is parted ("### Human:", "### Assistant:").
"""

from collections.abc import Iterator, Sequence

from training.importers.reading.data_sets.key_names import record_keys
from training.importers.reading.data_sets.records import read_data_set
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "xtuner"
GUIDE = Guide(
    steps="Save a list as JSON with conversation: turns of system, input and output.",
    reads="It reads dialogues; an output with an empty input is a text for the stage of facts.",
    leaves_out="Outputs that say that nothing is to be learned (output_with_loss) are not learned.",
    marks=("conversation", "input", "output"),
    example='[{"conversation": [{"system": "", "input": "Where is the boat?", "output": "At the quay."}]}]',
)


def recognises(head: FileHead) -> bool:
    return "conversation[].output" in record_keys(head)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    return read_data_set("xtuner", sources, log)
