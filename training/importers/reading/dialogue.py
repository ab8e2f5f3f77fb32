"""Dialogues of data sets: a list of turns without times or ids becomes a chat of its own."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.data_sets.key_names import AROUND, is_bare_dialogue, keys_around
from training.importers.reading.data_sets.written_breaks import read_written_breaks
from training.importers.reading.decoding import read_json_lines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import LONGEST_TEXT, clean_text, derived_id
from training.importers.reading.sniff import sniff_head
from training.importers.reading.source import HEAD, Source
from training.store.messages import ChatKind, ExportedMessage
from training.store.roles import DOCUMENTS

Role = Literal["system", "user", "assistant", "tool", "document"]
MOST_TURNS = 100_000  # of one dialogue
ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter", "用户", "问"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "ai", "助手", "答"), "assistant"),
    **dict.fromkeys(("tool", "function", "function_call", "observation", "tool_call", "ipython"), "tool"),
    **dict.fromkeys(("tool_response", "function_response", "environment"), "tool"),
    "pretrain": "document",  # of xtuner
}
SYSTEM_TEXTS = "system texts, each in place of the card's text in its dialogue"
FACTS = "texts for the stage of facts"
BREAKS = "texts with line breaks written as \\n, read as line breaks"
CONTEXT = "answers that are only read, as their data set says"
UNANSWERED = "dialogues without an answer"
LATE_SYSTEM = "instructions in the middle of a dialogue"


class DialogueTurn(NamedTuple):
    """One turn of a dialogue; with `trained` false, its tokens give context and no loss.

    A "document" is no turn: its text goes to the stage of facts. It is a tuple, which is made three times as
    fast as a dataclass: a data set has millions of turns.
    """

    role: Role
    text: str
    trained: bool = True


def read_records(source: Source, log: ImportLog) -> Iterator[Any]:
    """Yield the records of a data set: one JSON object or list a line, an array of them, or a single one.

    An object may also hold the arrays, as LMFlow's files do. Of a CSV table the rows are the records.
    """
    head = source.head().lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] not in (b"{", b"["):
        yield from read_rows(source)
        return
    if head[:1] == b"{" and keys_around(sniff_head(source)):
        yield from _read_inside(JsonReader(source), log)
        return
    is_array = head[:1] == b"["
    has_dialogues = is_array and is_bare_dialogue(sniff_head(source))
    if _is_line(head) and (has_dialogues or not is_array):
        yield from read_json_lines(source, object)
        return
    document = JsonReader(source)
    while not document.at_end():
        if document.first() == b"[" and not has_dialogues:
            yield from document.elements(object)
        else:
            yield document.value(object)
    log.skip("unreadable", document.unreadable)


def _read_inside(document: JsonReader, log: ImportLog) -> Iterator[Any]:
    """Yield the records in the arrays of an object; other keys describe the data set."""
    while not document.at_end():
        for key in document.members():
            if key in AROUND and document.first() == b"[":
                yield from document.elements(object)
    log.skip("unreadable", document.unreadable)


def dialogue_messages(
    platform: str, turns: Sequence[DialogueTurn], source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    """Yield a dialogue's turns as messages: the assistant is the persona, turns of tools are left out.

    An assistant without a user writes posts. The first system texts stand for the card in this dialogue.
    """
    if reason := _excess(turns):
        log.skip(reason)
        return
    turns = [turn for turn in turns if turn.text and not turn.text.isspace()]
    chat = derived_id(*(part for turn in turns for part in turn[:2]))
    converter = _Converter(platform, chat, _chat_kind(turns, log), source.label, log)
    system = ""
    for number, turn in enumerate(turns):
        if turn.role in ("user", "assistant"):
            yield converter.message(number, turn)
        elif turn.role == "tool":
            log.skip("turns of tools")
        elif turn.role == "document":
            yield converter.document(turn)
        elif not system:
            system = "\n\n".join(dict.fromkeys(_leading_system(turns[number:])))
            log.keep(SYSTEM_TEXTS)
            yield converter.message(number, DialogueTurn("system", system))
        elif turn.text not in system:
            log.skip(LATE_SYSTEM)


class _Converter(NamedTuple):
    """Makes messages of one dialogue, and counts in the log what is kept for another use.

    It is a tuple for the same reason as a turn.
    """

    platform: str
    chat: str
    chat_kind: ChatKind
    source: str
    log: ImportLog

    def message(self, number: int, turn: DialogueTurn) -> ExportedMessage:
        role = turn.role
        if not turn.trained and role == "assistant":
            self.log.keep(CONTEXT)
        return ExportedMessage(
            platform=self.platform,
            chat=self.chat,
            id=str(number),
            author=role,
            author_name=role,
            time=0,
            source=self.source,
            text=self._text(turn) if "\\" in turn.text else clean_text(turn.text),
            is_self=role == "assistant",
            chat_kind=self.chat_kind,
            precision="none",
            kind="system" if role == "system" else "text",
            trained=turn.trained,
        )

    def document(self, turn: DialogueTurn) -> ExportedMessage:
        self.log.keep(FACTS)
        return ExportedMessage(
            platform=self.platform,
            chat=DOCUMENTS,
            id=derived_id(turn.text),
            author="assistant",
            author_name="assistant",
            time=0,
            source=self.source,
            text=self._text(turn),
            is_self=True,  # the persona's own text, which nobody said in a chat
            chat_kind="timeline",
            precision="none",
            kind="document",
            trained=turn.trained,
        )

    def _text(self, turn: DialogueTurn) -> str:
        text = read_written_breaks(turn.text)
        if text != turn.text:
            self.log.keep(BREAKS)
        return clean_text(text)


def _leading_system(turns: Sequence[DialogueTurn]) -> Iterator[str]:
    for turn in turns:
        if turn.role != "system":
            return
        yield turn.text


def _chat_kind(turns: Sequence[DialogueTurn], log: ImportLog) -> ChatKind:
    """Return the kind of a dialogue's chat, and count a dialogue without an answer."""
    roles = {turn.role for turn in turns}
    if roles and roles.isdisjoint(("assistant", "document")):
        log.keep(UNANSWERED)
    return "timeline" if "assistant" in roles and "user" not in roles else "direct"


def _is_line(head: bytes) -> bool:
    """Return True if the first line of a file holds a whole value, or is longer than the head."""
    line, end, _ = head.partition(b"\n")
    if not end:
        return len(head) >= HEAD // 2 or _is_json(line)
    return _is_json(line)


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return False
    return True


def _excess(turns: Sequence[DialogueTurn]) -> str:
    """Return the reason to leave a dialogue out, or ""; without one turn, the others mean something else."""
    if len(turns) > MOST_TURNS:
        return f"dialogues of more than {MOST_TURNS:,} turns"
    if any([len(turn.text) > LONGEST_TEXT for turn in turns]):  # a list takes half of a generator's time
        return f"dialogues with a turn of more than {LONGEST_TEXT:,} characters"
    return ""


def role_of(name: Any) -> Role | None:
    """Return the role that a data set's word names, such as "human" or "gpt"; None for other values."""
    return ROLES.get(name.lower()) if isinstance(name, str) else None
