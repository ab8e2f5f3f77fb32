"""What an evaluation is made of: the person's words, learned and held out, those of others, and prompts."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from pathlib import Path
from random import Random

from bot.errors import UserError
from bot.message import Message
from bot.prompt.builder import Prompt
from training.dataset import splits
from training.dataset.excerpts import Excerpt, ExcerptMessage
from training.dataset.serving_prompts import ServingPrompts, read_examples
from training.dataset.splits import TRAIN, VALIDATION
from training.metrics.diversity import words

SHOTS = 20
LONGEST_SHOT = 400  # characters; a longer one would take the place of several
BEFORE = 3  # messages that are shown before a pair
FEWEST = 40  # answers of somebody else without whom the invented ones are taken
_BEGINS = ExcerptMessage("begins", "someone", "Someone", "[The conversation begins.]", 0.0)
_HAN = range(0x3400, 0xA000)


@dataclass(frozen=True, slots=True)
class Held:
    """A held-out example: its prompt, the same with examples of the person in it, and what was really said.

    `before` are the last messages before it, with names.
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
    """All words that are compared, an answer a text. `learned` is oldest first; `shots` is how many fit."""

    learned: tuple[str, ...]
    held: tuple[Held, ...]
    other: tuple[str, ...]
    whose: str
    shots: int


def gather_eval_data(
    work: Path, serving: ServingPrompts, wide: ServingPrompts, other: Path | None, count: int, seed: int
) -> EvalData:
    """Read a persona's data; `wide` makes prompts of the model's whole context, for those with examples.

    `count` held-out examples are taken at most, drawn with the seed. `other` is another persona's work
    folder. Raises `UserError` where nothing is held out.
    """
    learned, held = (list(splits.read_excerpts(work / name)) for name in (TRAIN, VALIDATION))
    shots = _shots(learned, serving.persona.key)
    found = [each for excerpt in held for each in _held(excerpt, serving, wide, shots)]
    if not found:
        raise UserError(f"Nothing is held out in {work}: import more, and build the data again.")
    Random(f"held {seed}").shuffle(found)
    said = tuple(text for _, text in sorted(answers(learned)))
    whose, texts = _other(learned, held, said, other)
    read = [{span.source for span in each.with_shots.spans} for each in found[:count]]
    fitting = min(sum(f"shot {number}" in ids for number in range(len(shots))) for ids in read)
    return EvalData(said, tuple(found[:count]), texts, whose, fitting)


def answers(excerpts: Iterable[Excerpt]) -> Iterator[tuple[float, str]]:
    """What the persona said in each example, and when."""
    for excerpt in excerpts:
        for aim in excerpt.aims:
            lines = excerpt.messages[aim.start : aim.end]
            yield lines[0].time, "\n".join(line.text for line in lines)


def _held(
    excerpt: Excerpt, serving: ServingPrompts, wide: ServingPrompts, shots: Sequence[Message]
) -> Iterator[Held]:
    """With examples, as much of the chat is read as without."""
    key = serving.persona.key
    for example, aim in zip(read_examples(excerpt, serving), excerpt.aims, strict=True):
        said = excerpt.messages[: aim.start]
        first = example.prompt.first
        said = said[next((at for at, line in enumerate(said) if line.id == first), 0) :]
        history = [*shots, *(line.to_message(key) for line in said or (_BEGINS,))]
        known = {line.id: line.to_message(key) for line in excerpt.parents}
        reply_to = excerpt.messages[aim.start].reply_to
        prompt = wide.prompt(history, known, False, reply_to)
        before = tuple(f"{line.name or 'Someone'}: {line.text}" for line in said[-BEFORE:])
        yield Held(example.prompt, prompt, example.answer, before)


def _shots(learned: Iterable[Excerpt], key: str) -> list[Message]:
    """Twenty examples, spread over the training part, as a conversation: what was said, and the answer.

    The first message of the answer of number 3 has the id "shot 3".
    """
    found = [
        (excerpt.messages[aim.start - 1] if aim.start else _BEGINS, excerpt.messages[aim.start : aim.end])
        for excerpt in learned
        for aim in excerpt.aims
    ]
    short = [each for each in found if sum(len(line.text) for line in (each[0], *each[1])) <= LONGEST_SHOT]
    count = min(SHOTS, len(short))
    chosen = sorted(
        (short[place * len(short) // count] for place in range(count)), key=lambda each: each[1][0].time
    )
    shots = list[Message]()
    for number, (before, lines) in enumerate(chosen):
        named = [(f"before shot {number}", before), (f"shot {number}", lines[0])]
        named += [(f"shot {number} {place}", line) for place, line in enumerate(lines[1:], 1)]
        shots += (
            ExcerptMessage(id, line.author, line.name, line.text, -math.inf, line.own).to_message(key)
            for id, line in named
        )
    return shots


def _other(
    learned: Sequence[Excerpt], held: Sequence[Excerpt], own: Sequence[str], work: Path | None
) -> tuple[str, tuple[str, ...]]:
    """Somebody else's answers and who that is: another persona, else who says most, else invented people."""
    if work is not None:
        return f"the persona {work.parent.name}", tuple(
            text for _, text in sorted(answers(splits.read_excerpts(work / TRAIN)))
        )
    said = dict[str, list[str]]()
    for author, text in _others((*learned, *held)):
        said.setdefault(author, []).append(text)
    most = max(said.values(), key=len, default=[])
    if len(most) >= FEWEST:
        return "another author of the same chats", tuple(most)
    return "invented people", _strangers("zh" if _is_han(own) else "en")


def _others(excerpts: Iterable[Excerpt]) -> Iterator[tuple[str, str]]:
    """What others said, message after message in a row put together; of overlapping excerpts, once."""
    seen = set[tuple[str, str]]()
    for excerpt in excerpts:
        fresh = [line for line in excerpt.messages if (excerpt.chat, line.id) not in seen]
        seen.update((excerpt.chat, line.id) for line in fresh)
        for author, lines in groupby(fresh, key=lambda line: (line.own, line.author)):
            if not author[0]:
                yield author[1], "\n".join(line.text for line in lines)


def _is_han(texts: Sequence[str]) -> bool:
    found = [ord(word) in _HAN for text in texts[:200] for word in words(text) for word in word[:1]]
    return sum(found) > len(found) / 2


def _strangers(language: str) -> tuple[str, ...]:
    """Messages of invented people in a language; they take turns."""
    text = resources.files("training.evaluation").joinpath(f"strangers-{language}.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))
