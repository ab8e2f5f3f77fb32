"""The scale of the loss in float16, whose gradients would else be too small for its smallest number."""

import math
from dataclasses import dataclass

import torch

FIRST, LARGEST = 2.0**16, 2.0**24
STEADY = 200  # steps without an overflow, after which the scale is doubled


@dataclass(slots=True)
class LossScale:
    """A factor of the loss, by which gradients are divided before they are used.

    Where a gradient overflows, the factor is halved and the step is computed again: no step is skipped.
    Other dtypes have the range of float32; their factor is 1.
    """

    value: float
    steady: int = 0  # steps since the scale changed

    @classmethod
    def of(cls, dtype: torch.dtype) -> "LossScale":
        """Return the first scale for a model that computes in `dtype`."""
        return cls(FIRST if dtype == torch.float16 else 1.0)

    def retries(self, loss: float, norm: float) -> bool:
        """Return whether to compute the step again with half the scale; adjust the scale after the step.

        A loss that is not finite itself is no matter of scale.
        """
        if self.value == 1.0 or not math.isfinite(loss):
            return False
        if not math.isfinite(norm):
            self.value, self.steady = self.value / 2, 0
            return True
        self.steady += 1
        if self.steady >= STEADY and self.value < LARGEST:
            self.value, self.steady = self.value * 2, 0
        return False
