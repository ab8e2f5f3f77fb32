"""A capture without a graph: a replay computes the captured step again, from what tensors hold by then."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from bot.engine.model_executor.decode_graph import Graph, StepOutput


class Replay:
    """A step that computes nothing until it is replayed, and then always what it was captured with."""

    def __init__(self, step: Callable[[], StepOutput], counts: "ReplayCapture") -> None:
        self._step, self._counts, self.output = step, counts, _Output()

    def replay(self) -> None:
        """As in `Graph`."""
        self._counts.replays += 1
        output = self._step()
        self.output.logits, self.output.tokens = output.logits, output.tokens


class _Output:
    """A `StepOutput` that every replay fills."""

    logits: Any = None
    tokens: Any = None


class ReplayCapture:
    """Captures steps for `DecodeGraphs`; counts captures and replays."""

    def __init__(self) -> None:
        self.captures, self.replays, self.forgotten = 0, 0, 0

    def __call__(self, step: Callable[[], StepOutput]) -> tuple[Graph, StepOutput]:
        """As `CudaCapture`."""
        self.captures += 1
        graph = Replay(step, self)
        return graph, cast("StepOutput", graph.output)

    def forget(self) -> None:
        """As in `Capture`."""
        self.forgotten += 1

    def refusing_waits(self) -> AbstractContextManager[None]:
        """As in `Capture`: nobody waits for a CPU."""
        return nullcontext()
