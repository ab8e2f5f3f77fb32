"""Gemini in Google Takeout: what "My Activity" keeps of it, and the conversations of accounts at work."""

from collections.abc import Iterator, Sequence

from training.importers.assistants.gemini import activity, conversations
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Gemini (Google Takeout)"
ADVICE = "Export My Activity again, for Gemini Apps alone and with JSON as the format of its records"
GUIDE = Guide(
    steps=(
        "At takeout.google.com: My Activity > All activity data included > Gemini Apps; JSON as the format."
    ),
    reads=(
        "It reads your prompts, and the answers as what they answer; of conversations of Workspace both "
        "sides."
    ),
    leaves_out=(
        "Left out are other activity, deleted turns, files; prompts of accounts in other languages than "
        "English."
    ),
    marks=("header", "title", "time", "safeHtmlItem"),
)


def recognises(head: FileHead) -> bool:
    return activity.recognises(head) or conversations.recognises(head)


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        reader = activity if activity.recognises(sniff_head(source)) else conversations
        yield from reader.read(source, log)
