"""Counts of the tokens that answers hold, on which the penalties of presence and frequency depend."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bot.engine.runtime.transfer import upload

_SPARE_IDS = 256  # columns that are added when there are too few


class AnswerCounts:
    """The count of each token in the answer of each sampler slot."""

    def __init__(self, slots: int, device: torch.device | str) -> None:
        """`slots` is the most sequences at once."""
        self._device = device
        # [slots, any]; an id whose count is 0 stands for none
        self._ids = torch.zeros((slots, 1), dtype=torch.int64, device=device)
        self._counts = torch.zeros((slots, 1), dtype=torch.float32, device=device)
        self._columns: dict[int, dict[int, int]] = {}  # by slot and id; only where something was counted

    def clear(self, slot: int) -> None:
        """Forget the tokens of a slot's former sequence."""
        if self._columns.pop(slot, None):
            self._counts[slot] = 0

    def add(self, tokens: Sequence[tuple[int, int]]) -> None:
        """Count tokens, given as slot and id, of which each slot has one at most."""
        if not tokens:
            return
        places = [(slot, self._column(slot, token), token) for slot, token in tokens]
        self._widen(1 + max(column for _, column, _ in places))
        rows, columns, ids = upload(places, self._device).T
        self._ids[rows, columns] = ids
        self._counts[rows, columns] += 1
        for slot, column, token in places:
            self._columns.setdefault(slot, {})[token] = column

    def select(self, slots: Sequence[int], indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return ids, int64, and their counts, float32, of slots [rows], both [rows, any].

        `indices` are the same slots as a tensor.
        """
        width = max(len(self._columns.get(slot, ())) for slot in slots)
        return (
            self._ids[:, :width].index_select(0, indices),
            self._counts[:, :width].index_select(0, indices),
        )

    def _column(self, slot: int, token: int) -> int:
        columns = self._columns.get(slot, {})
        return columns.get(token, len(columns))

    def _widen(self, width: int) -> None:
        if (missing := width - self._ids.shape[1]) > 0:
            more = (0, missing + _SPARE_IDS)
            self._ids, self._counts = (
                torch.nn.functional.pad(table, more) for table in (self._ids, self._counts)
            )
