"""Dialogues of data sets: a list of turns without times or ids becomes a chat of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from training.importers.reading.data_sets.key_names import is_bare_dialogue
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


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """One turn of a dialogue; with `trained` false, its tokens give context and no loss.

    A "document" is no turn: its text goes to the stage of facts.
    """

    role: Role
    text: str
    trained: bool = True


def read_records(source: Source, log: ImportLog) -> Iterator[Any]:
    """Yield the records of a data set: one JSON object or list a line, an array of them, or a single one."""
    head = source.head().lstrip()
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


def dialogue_messages(
    platform: str, turns: Sequence[DialogueTurn], source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    """Yield a dialogue's turns as messages: the assistant is the persona, turns of tools are left out.

    An assistant without a user writes posts. The first system texts stand for the card in this dialogue.
    """
    if reason := _excess(turns):
        log.skip(reason)
        return
    turns = [turn for turn in turns if turn.text.strip()]
    if turns and not any(turn.role in ("assistant", "document") for turn in turns):
        log.keep(UNANSWERED)
    chat = derived_id(*(part for turn in turns for part in (turn.role, turn.text)))
    convert = _Converter(platform, chat, _chat_kind(turns), source, log)
    system = ""
    for number, turn in enumerate(turns):
        if turn.role == "tool":
            log.skip("turns of tools")
        elif turn.role == "system":
            if not system:
                system = "\n\n".join(dict.fromkeys(_leading_system(turns[number:])))
                yield convert.message(number, DialogueTurn("system", system))
            elif turn.text not in system:
                log.skip(LATE_SYSTEM)
        else:
            yield convert.message(number, turn)


@dataclass(frozen=True, slots=True)
class _Converter:
    """Makes messages of one dialogue, and counts in the log what is kept for another use."""

    platform: str
    chat: str
    chat_kind: ChatKind
    source: Source
    log: ImportLog

    def message(self, number: int, turn: DialogueTurn) -> ExportedMessage:
        text = read_written_breaks(turn.text)
        self.log.keep(BREAKS, text != turn.text)
        self.log.keep(SYSTEM_TEXTS, turn.role == "system")
        self.log.keep(FACTS, turn.role == "document")
        self.log.keep(CONTEXT, turn.role == "assistant" and not turn.trained)
        is_document = turn.role == "document"
        role = "assistant" if is_document else turn.role
        return ExportedMessage(
            platform=self.platform,
            chat=DOCUMENTS if is_document else self.chat,
            id=derived_id(turn.text) if is_document else str(number),
            author=role,
            author_name=role,
            time=0,
            source=self.source.label,
            text=clean_text(text),
            is_self=role == "assistant" and not is_document,
            chat_kind="timeline" if is_document else self.chat_kind,
            precision="none",
            kind="system" if role == "system" else "document" if is_document else "text",
            trained=turn.trained,
        )


def _leading_system(turns: Sequence[DialogueTurn]) -> Iterator[str]:
    for turn in turns:
        if turn.role != "system":
            return
        yield turn.text


def _chat_kind(turns: Sequence[DialogueTurn]) -> ChatKind:
    roles = {turn.role for turn in turns}
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
    if any(len(turn.text) > LONGEST_TEXT for turn in turns):
        return f"dialogues with a turn of more than {LONGEST_TEXT:,} characters"
    return ""


def role_of(name: Any) -> Role | None:
    """Return the role that a data set's word names, such as "human" or "gpt"; None for other values."""
    return ROLES.get(name.lower()) if isinstance(name, str) else None
