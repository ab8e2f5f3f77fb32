"""The rows of a request in the model: their keys and values, one prefill for all, one step at a time."""

import gc
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

CHUNK = 256  # tokens of a prompt between two looks at whether it is still wanted


class Rows:
    """Equally long sequences that share a prompt. All methods belong to the engine's thread."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._device = model.get_input_embeddings().weight.device
        self._last = (
            {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
        )
        self._cache: Any = None

    def read(self, ids: Sequence[int], unwanted: Callable[[], bool]) -> Tensor | None:
        """Read a prompt into one row, in chunks; returns logits [1, vocabulary], or None once unwanted."""
        logits = None
        for start in range(0, len(ids), CHUNK):
            if unwanted():
                return None
            logits = self._forward([list(ids[start : start + CHUNK])])
        return logits

    @torch.inference_mode()
    def fork(self, rows: int) -> None:
        """Make the one row that was read into several."""
        if rows > 1:
            self._cache.batch_repeat_interleave(rows)

    @torch.inference_mode()
    def keep(self, places: Sequence[int]) -> None:
        """Go on with some of the rows."""
        self._cache.batch_select_indices(torch.tensor(places, device=self._device))

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Add one token to each row; returns logits [rows, vocabulary]."""
        return self._forward([[token] for token in tokens])

    @torch.inference_mode()
    def _forward(self, ids: list[list[int]]) -> Tensor:
        inputs = torch.tensor(ids, device=self._device)
        output = self._model(input_ids=inputs, past_key_values=self._cache, use_cache=True, **self._last)
        self._cache = output.past_key_values
        logits: Tensor = output.logits[:, -1]
        return logits


def use_threads(threads: int) -> None:
    """How many cores this thread's arithmetic may use; 0 is every core."""
    torch.set_num_threads(threads or torch.get_num_threads())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    words = ("not enough memory", "can't allocate memory", "out of memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
    )


def free_memory() -> None:
    """Give back what a failed request held."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
