"""Everyday questions with a base model's answers, trained beside the persona's words against forgetting."""

from collections.abc import Iterator
from pathlib import Path

from bot.prompt.builder import PromptFormat, PromptPart, Turn, render_turns
from training.tokenization.encode import TrainedSpan, TrainingExample, answer_end_ids

_FILE = Path(__file__).with_suffix(".txt")


def read_exchanges() -> list[tuple[str, str]]:
    """Return questions with their answers, in English and then in Chinese."""
    blocks = _FILE.read_text("utf-8").strip().split("\n\n")
    pairs = (block.partition("\n") for block in blocks)
    return [(question, answer) for question, _, answer in pairs]


def neutral_examples(prompt_format: PromptFormat) -> Iterator[TrainingExample]:
    """Yield a training example for each exchange, without any persona: the base model's own manner."""
    end = answer_end_ids(prompt_format)
    for question, answer in read_exchanges():
        prompt, _ = render_turns((Turn("user", (PromptPart("message", question),)),), prompt_format)
        ids = (*prompt, *prompt_format.tokenizer.encode(answer), *end)
        yield TrainingExample(ids=ids, trained=(TrainedSpan(len(prompt), len(ids), 1.0),))
