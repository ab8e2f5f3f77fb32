"""Lessons as arrays: a tenth of the memory that tuples of numbers take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.tokenization.encode import TrainingExample


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """A lesson. `weights` are those of the ids [tokens], 0 where nothing is learned; `answers` as there."""

    ids: NDArray[np.int32]
    weights: NDArray[np.float32]
    answers: int
    stage: str

    @property
    def learned(self) -> int:
        """How many ids are learned: the first one never is, since nothing stands before it."""
        return int(np.count_nonzero(self.weights[1:]))


def tokenized_examples(lessons: Iterable[TrainingExample]) -> list[TokenizedExample]:
    """All lessons that teach something."""
    made = (
        TokenizedExample(
            np.array(lesson.ids, np.int32),
            np.array(lesson.weights(), np.float32),
            max(1, lesson.answers),
            lesson.stage,
        )
        for lesson in lessons
    )
    return [row for row in made if row.learned]


def common_prefix(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Return how many first ids are the same; as `bot.token_prefix.common_prefix`, at the speed of arrays."""
    size = min(len(one), len(other))
    differ = np.flatnonzero(one[:size] != other[:size])
    return int(differ[0]) if len(differ) else size
