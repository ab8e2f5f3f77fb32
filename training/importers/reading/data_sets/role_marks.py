"""Dialogues that a data set writes into one text: "User: …", "Assistant: …" (Chinese-Vicuna, guanaco, BELLE).

A text is parted only where nothing else can be meant: the two sides take turns, the user begins, and what
must come next comes next. Every other text stays one turn.
"""

import re
from collections.abc import Sequence

from training.importers.reading.data_sets.framed_texts import Side, split_framed

_MARK = re.compile(
    r"(?:###[ ]?|(?<!\S))"
    r"(?:(User|USER|Human|HUMAN|用户|问)|(?:Assistant|ASSISTANT|AI|Bot|GPT|助手|答))[ ]?[:：]"
)
_ASKING = ("User", "USER", "Human", "HUMAN", "用户", "问")  # one of them stands in every dialogue
_SIGNS = (":", "：", "<|im_start|>", "[INST]")  # one of them stands in every dialogue and in every frame
_FRAME, _FRAME_INPUT, _FRAME_END = "Instruction: ", "\nInput: ", "Answer:"


def is_plain(text: str) -> bool:
    """Return True for a text that is surely one turn without a frame."""
    return not any(map(text.__contains__, _SIGNS))


def split_question(text: str) -> list[tuple[Side, str]] | None:
    """Return the turns of a dialogue that asks for its next answer; None for any other text.

    A dialogue in a model's frame asks where its last answer is empty. In all others, words before the first
    mark are a system text, where the text ends with a bare mark of the assistant.
    """
    if framed := split_framed(text):
        asking = framed[:-1] if framed[-1] == ("assistant", "") else framed
        return asking if asking and asking[-1][0] == "user" else None
    for marks in _readings(text):
        turns = _turns(text, marks) if _take_turns(marks) else []
        if not turns or turns[-1][0] != "user":
            continue
        before = text[: marks[0].start()].strip()
        in_lines = all(_begins_line(text, mark) for mark in marks)
        asks = not marks[-1][1]  # a bare mark of the assistant is the last
        if (asks and (in_lines or not before)) or (in_lines and not before and len(marks) > 1):
            return [("system", before), *turns] if before else turns
    return None


def split_text(text: str) -> list[tuple[Side, str]] | None:
    """Return the turns of a whole dialogue, which ends with an answer; None for any other text."""
    if framed := split_framed(text):
        return framed if framed[-1][0] == "assistant" and framed[-1][1] else None
    for marks in _readings(text):
        turns = _turns(text, marks) if _take_turns(marks) else []
        if len(turns) > 1 and turns[-1][0] == "assistant" and not text[: marks[0].start()].strip():
            return turns
    return None


def question_in_frame(text: str) -> str | None:
    """Return the question in the frame of Fujisaki's second file; None for a text without that frame.

    The frame is "Instruction: …", a line "Input: …" where there is one, and "Answer: ".
    """
    if not text.startswith(_FRAME):
        return None
    body = text.rstrip()
    if not body.endswith(f"\n{_FRAME_END}"):
        return None
    asked, _, more = body[len(_FRAME) : -len(_FRAME_END)].strip("\n").partition(_FRAME_INPUT)
    return "\n".join(filter(None, (asked, more)))


def _readings(text: str) -> list[list[re.Match[str]]]:
    """Return the marks that begin a line, then all marks: one that stands in a line may be a word."""
    if (":" not in text and "：" not in text) or not any(name in text for name in _ASKING):
        return []
    every = list(_MARK.finditer(text))
    lines = [mark for mark in every if _begins_line(text, mark)]
    return [marks for marks in (lines, every) if marks]


def _begins_line(text: str, mark: "re.Match[str]") -> bool:
    start = mark.start()
    return start == 0 or text[start - 1] == "\n" or text[start] == "#"


def _take_turns(marks: "Sequence[re.Match[str]]") -> bool:
    return all(bool(mark[1]) is (number % 2 == 0) for number, mark in enumerate(marks))


def _turns(text: str, marks: "Sequence[re.Match[str]]") -> list[tuple[Side, str]]:
    """Return the turns that hold words; a bare mark of the assistant at the end asks for the answer."""
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    turns: list[tuple[Side, str]] = [
        ("user" if mark[1] else "assistant", text[mark.end() : end].strip())
        for mark, end in zip(marks, ends, strict=True)
    ]
    if turns[-1] == ("assistant", ""):
        turns.pop()
    return turns if all(words for _, words in turns) else []
