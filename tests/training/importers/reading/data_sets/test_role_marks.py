"""Dialogues in one text: parted where both sides take turns, whole everywhere else."""

import pytest

from training.importers.reading.data_sets.role_marks import question_in_frame, split_question, split_text

QUESTIONS = {
    "User:hi\nAssistant:yo\nUser:and?\nAssistant:": "user hi|assistant yo|user and?",
    "User:hi\n\nAssistant:yo\n\nUser:and?\n\nAssistant:": "user hi|assistant yo|user and?",
    "User: hi Assistant: yo User: and? Assistant:": "user hi|assistant yo|user and?",
    "Human: hi\nAssistant: yo\nHuman: and?": "user hi|assistant yo|user and?",
    "问：你好\n答：好\n问：再见\n答：": "user 你好|assistant 好|user 再见",
    "Be kind.\n\nUser:hi\nAssistant:": "system Be kind.|user hi",
    "User: two\nlines\nAssistant: yo\nUser: and?\nAssistant:": "user two\nlines|assistant yo|user and?",
}
WHOLE = [
    "hi",
    "User: hi",
    "User: hi\nAssistant: yo",
    "Assistant: yo\nUser: and?\nAssistant:",
    "User: hi\nUser: hi\nAssistant:",
    "User: hi\nAssistant: yo\nSummarise this talk.",
    "Ask the User: who is it?",
    "给出一段对话\nA：早\nB：早",
    "Continue. User: hi Assistant:",
    "User:\nAssistant: yo\nUser: and?\nAssistant:",
]


def joined(turns: "list[tuple[str, str]] | None") -> str:
    return "|".join(f"{side} {text}" for side, text in turns or ())


@pytest.mark.parametrize(("text", "turns"), QUESTIONS.items())
def test_a_dialogue_that_asks_for_its_answer_is_parted(text: str, turns: str) -> None:
    assert joined(split_question(text)) == turns  # type: ignore[arg-type]


@pytest.mark.parametrize("text", WHOLE)
def test_every_other_question_stays_whole(text: str) -> None:
    assert split_question(text) is None


def test_a_text_is_a_dialogue_where_it_ends_with_an_answer() -> None:
    assert joined(split_text("### Human: hi### Assistant: yo")) == "user hi|assistant yo"  # type: ignore[arg-type]
    assert joined(split_text("\n\nHuman: hi\n\nAssistant: yo")) == "user hi|assistant yo"  # type: ignore[arg-type]
    assert split_text("### Human: hi### Assistant: yo### Human: and?") is None
    assert split_text("A tale. Human: hi\nAssistant: yo") is None


ALPACA = "Below is an instruction.\n\n### Instruction:\n"
FRAMES = {
    "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n": (
        "system s|user hi"
    ),
    "<s>[INST] <<SYS>>\ns\n<</SYS>>\n\nhi [/INST] ": "system s|user hi",
    "<s>[INST] hi [/INST] yo </s><s>[INST] and? [/INST]": "user hi|assistant yo|user and?",
    f"{ALPACA}hi\n\n### Response:": "user hi",
    f"{ALPACA}hi\n\n### Input:\nthere\n\n### Response:\n": "user hi\nthere",
}


@pytest.mark.parametrize(("text", "turns"), FRAMES.items())
def test_the_frame_of_a_model_is_taken_away(text: str, turns: str) -> None:
    assert joined(split_question(text)) == turns  # type: ignore[arg-type]
    assert split_text(text) is None
    if "[INST]" in text:
        answered = f"{text} sure </s>"
    else:
        answered = f"{text}sure<|im_end|>\n" if "im_start" in text else f"{text}sure</s>"
    assert joined(split_text(answered)) == f"{turns}|assistant sure"  # type: ignore[arg-type]
    assert split_question(answered) is None


@pytest.mark.parametrize(
    "text",
    ["[INST] a [INST] b [/INST]", "write <|im_start|>user\nhi", "### Instruction:\na\n### Instruction:\nb"],
)
def test_what_only_looks_like_a_frame_stays_whole(text: str) -> None:
    assert (split_question(text), split_text(text)) == (None, None)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Instruction: a\nAnswer: ", "a"),
        ("Instruction: a\nInput: b\nAnswer: ", "a\nb"),
        ("Instruction: a\nb\nAnswer:", "a\nb"),
        ("Instruction: a", None),
        ("a\nAnswer: ", None),
    ],
)
def test_the_frame_of_fujisakis_second_file_is_taken_away(text: str, question: str | None) -> None:
    assert question_in_frame(text) == question
