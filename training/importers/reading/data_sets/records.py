"""Records of data sets as dialogues: conversations, questions with answers, preferences, texts."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from training.importers.reading.data_sets.flags import (
    REJECTED,
    denies,
    is_rejected,
    is_trained,
    rejected_halves,
)
from training.importers.reading.data_sets.key_names import (
    ANSWER,
    CHOSEN,
    CONTENT,
    CONVERSATION,
    INPUT,
    QUESTION,
    SYSTEM,
    first_of,
    lower_keys,
)
from training.importers.reading.data_sets.role_marks import is_plain, question_in_frame, split_question
from training.importers.reading.data_sets.turn_lists import (
    PARTED,
    UnknownShape,
    joined_question,
    plain_text,
    read_text,
    read_turn,
    read_turns,
)
from training.importers.reading.data_sets.usual_shapes import (
    read_usual_pair,
    read_usual_turns,
    usual_conversation,
    usual_pair,
)
from training.importers.reading.dialogue import DialogueTurn, dialogue_messages, read_records
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

FRAMED = "questions taken out of the frame Instruction: … Answer:"


def read_data_set(platform: str, sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the messages of all records; the log counts records of an unknown shape as unreadable."""
    for source in sources:
        for record in read_records(source, log):
            try:
                turns = read_record(record, log)
            except UnknownShape:
                log.skip("unreadable")
                continue
            yield from dialogue_messages(platform, turns, source, log)


def read_record(record: Any, log: ImportLog) -> list[DialogueTurn]:
    """Return the turns of a record, none for one that was rejected. Raises `UnknownShape`."""
    if isinstance(record, list):
        return read_usual_turns(record) or list(read_turns(record, log))
    if not isinstance(record, dict):
        raise UnknownShape
    if (usual := _read_usual(record, log)) is not None:
        return usual
    record = lower_keys(record)
    if is_rejected(record):
        log.skip(REJECTED)
        return []
    log.skip(REJECTED, rejected_halves(record))
    turns = list(_read_shape(_flat(record), log))
    return turns if is_trained(record) else [turn._replace(trained=False) for turn in turns]


def _read_usual(record: Mapping[str, Any], log: ImportLog) -> list[DialogueTurn] | None:
    keys = tuple(record)
    if name := usual_conversation(keys):
        return read_usual_turns(record[name])
    pair = usual_pair(keys)
    texts = read_usual_pair(record, *pair) if pair else None
    if texts is None:
        return None
    question, answer = texts[0], DialogueTurn("assistant", texts[1])
    if is_plain(question):
        return [DialogueTurn("user", question), answer]
    return [*_read_question(question, log), answer]


def _flat(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record of OpenAI's preferences with the messages of its `input` beside the two answers."""
    inner = record.get("input")
    return {**record, **lower_keys(inner), "input": None} if isinstance(inner, dict) else record


def _read_shape(record: Mapping[str, Any], log: ImportLog) -> Iterator[DialogueTurn]:
    conversation = next((record[name] for name in CONVERSATION if isinstance(record.get(name), list)), None)
    chosen = first_of(record, CHOSEN)
    if conversation is not None:
        yield from _system_turn(record, (*SYSTEM, "instruction"))
        yield from read_turns(conversation, log)
        yield from _read_side(record.get("prompt"), "user", log)
        yield from _read_side(chosen if chosen is not None else record.get("completion"), "assistant", log)
    elif isinstance(record.get("segments"), list):
        yield from _read_segments(record["segments"])
    elif chosen is not None or any(name in record for name in ANSWER):
        yield from _system_turn(record, SYSTEM)
        yield from _read_pair(record, chosen, log)
    elif "text" in record:
        yield from read_text(plain_text(record["text"]), log)
    else:
        raise UnknownShape


def _system_turn(record: Mapping[str, Any], names: Sequence[str]) -> Iterator[DialogueTurn]:
    yield DialogueTurn("system", plain_text(first_of(record, names)))


def _read_pair(record: Mapping[str, Any], chosen: Any, log: ImportLog) -> Iterator[DialogueTurn]:
    """Yield a question and its answer, behind the dialogue so far, if there is one."""
    asked = next((record[name] for name in (*QUESTION, *INPUT) if isinstance(record.get(name), list)), None)
    answer = chosen if chosen is not None else first_of(record, ANSWER)
    history = record.get("history") or []
    if not isinstance(history, list):
        raise UnknownShape
    yield from read_turns(history, log)
    if isinstance(asked, list) and isinstance(answer, list) and all(isinstance(each, str) for each in asked):
        yield from _zipped(asked, answer)
        return
    asking = list(_question_turns(record, asked, log))
    if isinstance(chosen, str) and not any(turn.text.strip() for turn in asking):
        yield from read_text(chosen, log, otherwise="assistant")
        return
    answering = list(_read_side(answer, "assistant", log))
    yield from () if _is_whole(answering, asking) else asking
    yield from answering


def _question_turns(record: Mapping[str, Any], asked: Any, log: ImportLog) -> Iterator[DialogueTurn]:
    if asked is not None:
        yield from read_turns(asked, log)
        return
    yield from _read_question(joined_question(record), log)


def _read_question(question: str, log: ImportLog) -> Iterator[DialogueTurn]:
    """Yield a question, or the turns of a dialogue that ends with it."""
    if (framed := question_in_frame(question)) is not None:
        log.keep(FRAMED)
        question = framed
    if turns := split_question(question):
        log.keep(PARTED)
        yield from (DialogueTurn(side, text) for side, text in turns)
    else:
        yield DialogueTurn("user", question)


def _zipped(asked: Sequence[Any], answers: Sequence[Any]) -> Iterator[DialogueTurn]:
    for question, answer in zip_longest(asked, answers, fillvalue=""):
        yield DialogueTurn("user", plain_text(question))
        yield DialogueTurn("assistant", plain_text(answer))


def _read_side(value: Any, side: str, log: ImportLog) -> Iterator[DialogueTurn]:
    """Yield one side: a text, a turn, or a list of turns."""
    if isinstance(value, list):
        yield from read_turns(value, log)
    elif isinstance(value, dict):
        if not any(name in value for name in CONTENT):
            raise UnknownShape
        yield from read_turn(lower_keys(value), log, side)
    elif value is not None:
        yield DialogueTurn("user" if side == "user" else "assistant", plain_text(value))


def _is_whole(answering: Sequence[DialogueTurn], asking: Sequence[DialogueTurn]) -> bool:
    """Return True for an answer that comes with its question: the same words, or none beside it."""
    asked = [turn.text.strip() for turn in answering if turn.role == "user"]
    wanted = [turn.text.strip() for turn in asking if turn.role == "user" and turn.text.strip()]
    return bool(asked) and (not wanted or wanted[-1] in asked)


def _read_segments(segments: Sequence[Any]) -> Iterator[DialogueTurn]:
    """Yield axolotl's segments: those whose label is false are read, all others are learned."""
    for segment in segments:
        if not isinstance(segment, dict):
            raise UnknownShape
        text = plain_text(segment.get("text"))
        yield DialogueTurn("user" if denies(segment.get("label")) else "assistant", text)
