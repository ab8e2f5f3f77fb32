"""Training examples as arrays: a tenth of the memory that tuples of numbers take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.tokenization.encode import TrainingExample


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """A training example: `ids` [tokens], and `weights` [tokens] of their loss, 0 for untrained ids.

    `answers` is that of `TrainingExample`, but at least 1.
    """

    ids: NDArray[np.int32]
    weights: NDArray[np.float32]
    answers: int
    stage: str

    @property
    def learned(self) -> int:
        """The count of trained ids, without the first id: nothing stands before it to predict it from."""
        return int(np.count_nonzero(self.weights[1:]))


def tokenized_examples(examples: Iterable[TrainingExample]) -> list[TokenizedExample]:
    """Return the training examples that have a trained id, as arrays."""
    made = (
        TokenizedExample(
            np.array(example.ids, np.int32),
            np.array(example.weights(), np.float32),
            max(1, example.answers),
            example.stage,
        )
        for example in examples
    )
    return [example for example in made if example.learned]


def common_prefix(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Return the length of the common prefix of two arrays of ids."""
    size = min(len(one), len(other))
    differ = np.flatnonzero(one[:size] != other[:size])
    return int(differ[0]) if len(differ) else size
