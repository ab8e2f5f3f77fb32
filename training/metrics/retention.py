"""General knowledge after training: answers to general questions by the base model and by the adapter."""

import re
from collections.abc import Sequence
from importlib import resources

import msgspec
import numpy as np

from bot.message import Author, Message, Place
from bot.persona.card import Card
from bot.persona.persona import Persona, Sampling
from training.metrics import bootstrap
from training.metrics.bootstrap import Estimate

ASSISTANT = Persona("assistant", Card(name="Assistant"))  # the persona that is asked has an empty card
GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=48)


class Question(msgspec.Struct, frozen=True):
    """A question, and each word or phrase that answers it."""

    text: str
    answers: tuple[str, ...]

    def message(self) -> Message:
        """Return the question as a chat message of a user."""
        return Message(Place("", "", ""), "question", Author("user", "User"), self.text, 0.0)

    def is_answered(self, text: str) -> bool:
        """Tell whether a text holds one of the answers as a whole word, in any case."""
        return any(
            re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in self.answers
        )


class Retention(msgspec.Struct, frozen=True):
    """Shares of questions answered rightly by base model and adapter, and the change between them.

    `lost` and `gained` are the questions that the base model alone and the adapter alone answered.
    """

    base: Estimate
    adapter: Estimate
    change: Estimate
    questions: int
    lost: tuple[str, ...]
    gained: tuple[str, ...]


def read_questions() -> tuple[Question, ...]:
    """Return the questions of questions.txt."""
    text = resources.files("training.metrics").joinpath("questions.txt").read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(Question(row[0], tuple(row[1:])) for row in rows)


def compare_retention(
    questions: Sequence[Question], base: Sequence[str], adapter: Sequence[str], seed: int
) -> Retention:
    """Mark the answers of base model and adapter to the same questions."""
    before, after = (
        np.array([float(each.is_answered(text)) for each, text in zip(questions, texts, strict=True)])
        for texts in (base, adapter)
    )
    return Retention(
        bootstrap.mean_estimate(before, seed),
        bootstrap.mean_estimate(after, seed),
        bootstrap.mean_estimate(after - before, seed),
        len(questions),
        tuple(each.text for each, lost in zip(questions, before > after, strict=True) if lost),
        tuple(each.text for each, gained in zip(questions, after > before, strict=True) if gained),
    )
