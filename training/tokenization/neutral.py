"""Everyday questions of our own, answered as a base model would: learned too, against forgetting."""

from collections.abc import Iterator
from pathlib import Path

from bot.prompt.builder import PromptFormat, PromptPart, Turn, render_turns
from training.tokenization.encode import TrainedSpan, TrainingExample, answer_end_ids

_FILE = Path(__file__).with_suffix(".txt")


def read_exchanges() -> list[tuple[str, str]]:
    """Questions with their answers, in English and then in Chinese."""
    blocks = _FILE.read_text("utf-8").strip().split("\n\n")
    pairs = (block.partition("\n") for block in blocks)
    return [(question, answer) for question, _, answer in pairs]


def neutral_examples(reader: PromptFormat) -> Iterator[TrainingExample]:
    """A lesson for each: no persona is in them, so that they ask for the base model's own manner."""
    end = answer_end_ids(reader)
    for question, answer in read_exchanges():
        prompt, _ = render_turns((Turn("user", (PromptPart("message", question),)),), reader)
        ids = (*prompt, *reader.tokenizer.encode(answer), *end)
        yield TrainingExample(ids=ids, trained=(TrainedSpan(len(prompt), len(ids), 1.0),))
