"""What a model still knows besides how the person speaks: general questions, before and after training."""

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

ASSISTANT = Persona("assistant", Card(name="Assistant"))  # who is asked: nobody in particular
GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=48)


class Question(msgspec.Struct, frozen=True):
    """A question, and each word or phrase that answers it."""

    text: str
    answers: tuple[str, ...]

    def message(self) -> Message:
        """The same as somebody asks it in a chat."""
        return Message(Place("", "", ""), "question", Author("user", "User"), self.text, 0.0)

    def is_answered(self, text: str) -> bool:
        """Whether an answer holds one of the words, as a whole word in any case."""
        return any(
            re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in self.answers
        )


class Forgetting(msgspec.Struct, frozen=True):
    """The shares of questions that were answered rightly, and the adapter's change against the base model.

    `lost` and `gained` are the questions that one answered and the other did not.
    """

    base: Estimate
    adapter: Estimate
    change: Estimate
    questions: int
    lost: tuple[str, ...]
    gained: tuple[str, ...]


def questions() -> tuple[Question, ...]:
    """Those in questions.txt."""
    text = resources.files("training.metrics").joinpath("questions.txt").read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(Question(row[0], tuple(row[1:])) for row in rows)


def compare(asked: Sequence[Question], base: Sequence[str], adapter: Sequence[str], seed: int) -> Forgetting:
    """Mark the answers of both, each to the same questions."""
    before, after = (
        np.array([float(question.is_answered(text)) for question, text in zip(asked, texts, strict=True)])
        for texts in (base, adapter)
    )
    return Forgetting(
        bootstrap.mean_estimate(before, seed),
        bootstrap.mean_estimate(after, seed),
        bootstrap.mean_estimate(after - before, seed),
        len(asked),
        tuple(question.text for question, lost in zip(asked, before > after, strict=True) if lost),
        tuple(question.text for question, won in zip(asked, after > before, strict=True) if won),
    )
