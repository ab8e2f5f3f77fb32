"""MyActivity.json: a record for each prompt, newest first, with the answer as HTML and without conversations.

Keys as in osaurus (PR 2217) and in readers that were written from real exports, seen in November 2026; no
full export was seen. The prompt stands in `title` behind a verb in the account's language; only English ones
are known (phrases.tsv). Other products of Google write the same records, and may stand in the same file.
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from training.importers.reading.assistant_turns import (
    Conversation,
    Turn,
    read_objects,
    read_text,
    read_time,
    turn_message,
)
from training.importers.reading.html_text import html_words
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.phrases import open_phrase_book, phrases_of, record_kind
from training.importers.reading.record_kinds import kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

UNKNOWN_TITLE = "activity with a title in another language"
_NAMES = ("gemini", "bard")
_HEADER = re.compile(r'"header"\s*+:\s*+"([^"\\]*+)"')
_ATTACHED = "Attached "
_FILES = re.compile(r"\d{1,4} files?\.?")


class GeminiActivity(Struct, gc=False):
    """A record of My Activity."""

    header: Any = ""
    title: Any = ""
    time: Any = ""
    products: Any = None
    safeHtmlItem: Any = None


def recognises(head: FileHead) -> bool:
    return head.has("[].header", "[].title", "[].time") and any(
        _is_of_gemini(header) for header in _HEADER.findall(head.text)
    )


def read(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield prompts and answers. All stand in one chat: silence parts it into conversations."""
    document, ids = JsonReader(source), MessageIds()
    conversation = Conversation("gemini", "Gemini", "Gemini", source.label)
    for record in document.elements(GeminiActivity):
        products = record.products if isinstance(record.products, list) else []
        if any(map(_is_of_gemini, (record.header, *products))):
            yield from _convert(record, conversation, ids, log)
        else:
            log.skip("activity in other products")
    log.skip("unreadable", document.unreadable)


def _is_of_gemini(name: Any) -> bool:
    return any(each in read_text(name).casefold() for each in _NAMES)


def _convert(
    record: GeminiActivity, conversation: Conversation, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    time = read_time(record.time)
    if not time:
        log.skip("without a date")
        return
    title = read_text(record.title).lstrip()
    prompt = own_prompt(title)
    phrase = open_phrase_book("gemini").find(title) if prompt is None else None
    if phrase and record_kind(phrase) == "notice":
        log.skip("activity that is no prompt")
        return
    kind = kept_kind(None if prompt is None else "words", UNKNOWN_TITLE, log)
    if kind is None or prompt == "":
        log.skip("empty")
        return
    id = ids.derive("", time, title)
    yield turn_message(conversation, Turn(id, True, time, prompt or "", kind))
    answer = answer_words(record.safeHtmlItem)
    if answer:
        yield turn_message(conversation, Turn(ids.derive("", time, "answer", title), False, time, answer), id)


def own_prompt(title: str) -> str | None:
    """Return the prompt behind a title's verb, without the count of attached files; None without a verb."""
    verbs = (phrase.removesuffix("{}") for phrase in phrases_of("gemini", "prompt"))
    verb = next((verb for verb in verbs if title.startswith(verb)), None)
    if verb is None:
        return None
    words, mark, count = title.removeprefix(verb).rpartition(_ATTACHED)
    is_count = mark and _FILES.fullmatch(count.strip())
    return words.strip() if is_count else title.removeprefix(verb).strip()


def answer_words(items: Any) -> str:
    """Return the words of an answer's pieces of HTML."""
    pieces = (html_words(read_text(item.get("html"))) for item in read_objects(items))
    return "\n\n".join(filter(None, pieces))
