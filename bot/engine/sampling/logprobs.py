"""Log probabilities of drawn tokens, and of the likeliest ones beside them, by the model alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bot.engine.runtime.transfer import upload


class StepLogprobs(NamedTuple):
    """The log probability of a drawn token, and the likeliest ids of its step with theirs, best first."""

    drawn: float
    likeliest: tuple[tuple[int, float], ...]


class LogprobTable:
    """Log probabilities of some rows of a step. It is made before tokens are drawn.

    All that may fail for lack of memory happens then, since a token must not be drawn twice.
    """

    @torch.inference_mode()
    def __init__(self, logits: Tensor, counts: Mapping[int, int]) -> None:
        """`logits` [rows, vocabulary] as the model gives them.

        `counts` maps each row that is told to the count of its likeliest ids.
        """
        self._places = {row: place for place, row in enumerate(counts)}
        rows = upload(list(counts), logits.device)
        logprobs = logits.index_select(0, rows).float().log_softmax(-1)
        best = logprobs.topk(min(max(counts.values()), logprobs.shape[-1]))
        self._likeliest = [
            _in_order(ids, values)[:count]
            for ids, values, count in zip(
                best.indices.tolist(), best.values.tolist(), counts.values(), strict=True
            )
        ]
        self._logprobs = logprobs.cpu()

    def of(self, row: int, token: int | None) -> StepLogprobs | None:
        """Return the log probabilities of a row for the token that was drawn; None where nothing is told."""
        place = self._places.get(row)
        if place is None or token is None:
            return None
        return StepLogprobs(float(self._logprobs[place, token]), self._likeliest[place])


def _in_order(ids: Sequence[int], values: Sequence[float]) -> tuple[tuple[int, float], ...]:
    """Return pairs, the likeliest first; of equals the lowest id first."""
    return tuple(sorted(zip(ids, values, strict=True), key=lambda pair: (-pair[1], pair[0])))
