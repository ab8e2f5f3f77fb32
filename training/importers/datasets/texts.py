"""Records of one text: a dialogue of "### Human:" and "### Assistant:" (guanaco), or a text for pretraining.

Other keys than a text's usual ones make a file unknown: it may be a chat in which others speak too.
"""

from collections.abc import Iterator, Sequence

from training.importers.reading.data_sets.flags import TURN_FLAGS
from training.importers.reading.data_sets.key_names import record_keys
from training.importers.reading.data_sets.records import read_data_set
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Texts"
GUIDE = Guide(
    steps="Save a record a line (JSON Lines) with text, and where you like id, title, source and language.",
    reads='It reads texts for the stage of facts; a text of "### Human:" and "### Assistant:" is a dialogue.',
    leaves_out="A file with other keys than these is not read: it may be a chat in which others speak too.",
    marks=("text",),
    example='{"text": "The quay was built of granite, and the boats lie at its north side."}',
)
_BESIDE = frozenset(("id", "meta", "metadata", "source", "url", "title", "lang", "language", "label"))


def recognises(head: FileHead) -> bool:
    keys = {key for key in record_keys(head) if "." not in key}
    return "text" in keys and keys <= {"text", *_BESIDE, *TURN_FLAGS}


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    return read_data_set("texts", sources, log)
