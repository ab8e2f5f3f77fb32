"""Data of an evaluation: the person's training and held-out answers, another person's, and prompts."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bot.errors import UserError
from bot.message import Message
from bot.prompt.builder import Prompt
from training.dataset import splits
from training.dataset.excerpts import Excerpt, ExcerptMessage
from training.dataset.serving_prompts import ServingPrompts, read_examples
from training.dataset.splits import TRAIN, VALIDATION
from training.evaluation.other_person import other_answers, persona_answers

SHOTS = 20
LONGEST_SHOT = 400  # characters; a longer one would take the place of several
SHOWN_BEFORE = 3  # messages before a blind pair
_BEGINS = ExcerptMessage("begins", "someone", "Someone", "[The conversation begins.]", 0.0)


@dataclass(frozen=True, slots=True)
class ValidationExample:
    """A held-out example: its prompt, its prompt with few-shot examples, and the real answer.

    `before` are the last messages before the answer, with names.
    """

    prompt: Prompt
    with_shots: Prompt
    answer: tuple[str, ...]
    before: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.answer)


@dataclass(frozen=True, slots=True)
class EvalData:
    """All text that is compared, an answer a string.

    `learned` is oldest first, `other` are the answers of `other_name`; `shots` is the number of few-shot
    examples that fit in every prompt.
    """

    learned: tuple[str, ...]
    validation: tuple[ValidationExample, ...]
    other: tuple[str, ...]
    other_name: str
    shots: int


def gather_eval_data(
    work: Path, serving: ServingPrompts, wide: ServingPrompts, other: Path | None, count: int, seed: int
) -> EvalData:
    """Read a persona's data; `wide` makes prompts of the model's whole context, for few-shot examples.

    At most `count` held-out examples are drawn with the seed. `other` is another persona's work folder.
    Raises `UserError` where nothing is held out.
    """
    train, held = (list(splits.read_excerpts(work / name)) for name in (TRAIN, VALIDATION))
    shots = _few_shots(train, serving.persona.key)
    validation = [each for excerpt in held for each in _validation_examples(excerpt, serving, wide, shots)]
    if not validation:
        raise UserError(f"Nothing is held out in {work}: import more, and build the data again.")
    Random(f"held {seed}").shuffle(validation)
    drawn = tuple(validation[:count])
    learned = tuple(text for _, text in sorted(persona_answers(train)))
    other_name, other_texts = other_answers(train, held, learned, other)
    return EvalData(learned, drawn, other_texts, other_name, _fitting_shots(drawn, len(shots)))


def _validation_examples(
    excerpt: Excerpt, serving: ServingPrompts, wide: ServingPrompts, shots: Sequence[Message]
) -> Iterator[ValidationExample]:
    """Yield the examples of an excerpt; both prompts of one have the same messages of the chat."""
    key = serving.persona.key
    for example, aim in zip(read_examples(excerpt, serving), excerpt.aims, strict=True):
        earlier = excerpt.messages[: aim.start]
        first = example.prompt.first
        earlier = earlier[next((at for at, line in enumerate(earlier) if line.id == first), 0) :]
        history = [*shots, *(line.to_message(key) for line in earlier or (_BEGINS,))]
        parents = {line.id: line.to_message(key) for line in excerpt.parents}
        reply_to = excerpt.messages[aim.start].reply_to
        with_shots = wide.prompt(history, parents, False, reply_to, excerpt.own_system)
        before = tuple(f"{line.name or 'Someone'}: {line.text}" for line in earlier[-SHOWN_BEFORE:])
        yield ValidationExample(example.prompt, with_shots, example.answer, before)


def _few_shots(train: Iterable[Excerpt], key: str) -> list[Message]:
    """Return twenty examples, spread over the training part, as one conversation of messages and answers.

    The first message of the answer of number 3 has the id "shot 3".
    """
    found = [
        (excerpt.messages[aim.start - 1] if aim.start else _BEGINS, excerpt.messages[aim.start : aim.end])
        for excerpt in train
        for aim in excerpt.aims
    ]
    short = [each for each in found if sum(len(line.text) for line in (each[0], *each[1])) <= LONGEST_SHOT]
    count = min(SHOTS, len(short))
    chosen = sorted(
        (short[place * len(short) // count] for place in range(count)), key=lambda each: each[1][0].time
    )
    return [message for number, shot in enumerate(chosen) for message in _shot_messages(number, *shot, key)]


def _shot_messages(
    number: int, before: ExcerptMessage, lines: Sequence[ExcerptMessage], key: str
) -> Iterator[Message]:
    named = [(f"before shot {number}", before), (f"shot {number}", lines[0])]
    named += [(f"shot {number} {place}", line) for place, line in enumerate(lines[1:], 1)]
    for id, line in named:
        yield ExcerptMessage(id, line.author, line.name, line.text, -math.inf, line.own).to_message(key)


def _fitting_shots(validation: Iterable[ValidationExample], shots: int) -> int:
    """Return the number of few-shot examples that fit in every prompt."""
    sources = [{span.source for span in each.with_shots.spans} for each in validation]
    return min(sum(f"shot {number}" in ids for number in range(shots)) for ids in sources)
