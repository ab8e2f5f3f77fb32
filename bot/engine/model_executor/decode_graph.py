"""Decoding steps captured as CUDA graphs: hundreds of kernels become one launch."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bot.engine.model_executor.decode_batch import DecodeBatch
from bot.engine.runtime.device_faults import DeviceFault, device_fault_of
from bot.engine.runtime.transfer import pinned, upload

MAX_GRAPHS = 16
_REMEMBERED = 64  # layouts that came once

logger = logging.getLogger(__name__)


class Graph(Protocol):
    """A captured step, as `torch.cuda.CUDAGraph`."""

    def replay(self) -> None:
        """Launch it again, with what its tensors hold now."""


@dataclass(frozen=True, slots=True)
class StepOutput:
    """logits [rows, vocabulary] and tokens [rows] of a decoding step; the next step may overwrite them."""

    logits: Tensor
    tokens: Tensor


Step = Callable[[DecodeBatch, Tensor], StepOutput]  # the numbers of the batch are on the device


class Capture(Protocol):
    """Captures steps, whose graphs share memory."""

    def __call__(self, step: Callable[[], StepOutput]) -> tuple[Graph, StepOutput]:
        """Return the graph of a step, which has not run, and the tensors that a replay fills."""

    def forget(self) -> None:
        """Note that no graph is left: the next ones get memory of their own."""

    def refusing_waits(self) -> AbstractContextManager[None]:
        """Raise RuntimeError inside the block where the host would wait for the device, as no capture can."""


@dataclass(frozen=True, slots=True)
class _Captured:
    graph: Graph
    output: StepOutput
    numbers: Tensor


class DecodeGraphs:
    """Runs decoding steps, captured where a layout came before.

    A graph reads the addresses that its tensors had when it was captured: `version` of a run must be another
    one when a tensor is another one. Too many graphs all go at once: cuBLAS lends all of them one workspace,
    which goes with any of them.
    """

    def __init__(self, device: torch.device, capture: Capture | None = None) -> None:
        """`capture`: None to launch kernels one by one."""
        self._device, self.capture = device, capture
        self._graphs: dict[Hashable, _Captured] = {}
        self._came_once: OrderedDict[Hashable, None] = OrderedDict()

    @torch.inference_mode()
    def run(self, step: Step, batch: DecodeBatch, version: Hashable) -> StepOutput:
        """Launch a step; the host does not wait. `step` launches the same kernels for equal layouts."""
        key = batch.layout, version
        captured = self._graphs.get(key)
        if captured is None and self.capture is not None and self._comes_again(key):
            captured = self._try_capture(self.capture, key, step, batch)
        if captured is None:
            return step(batch, upload(batch.numbers, self._device))
        captured.numbers.copy_(pinned(torch.tensor(batch.numbers), self._device), non_blocking=True)
        captured.graph.replay()
        return captured.output

    def clear(self) -> bool:
        """Give the graphs and their memory back; return whether there were any."""
        captured = bool(self._graphs)
        self._graphs.clear()
        if captured and self.capture is not None:
            self.capture.forget()
        return captured

    def _comes_again(self, key: Hashable) -> bool:
        """Return whether a layout came before; the first time also readies what a capture cannot."""
        if key in self._came_once:
            del self._came_once[key]
            return True
        self._came_once[key] = None
        if len(self._came_once) > _REMEMBERED:
            self._came_once.popitem(last=False)
        return False

    def _try_capture(
        self, capture: Capture, key: Hashable, step: Step, batch: DecodeBatch
    ) -> _Captured | None:
        if len(self._graphs) >= MAX_GRAPHS:
            self.clear()
        try:
            numbers = upload(batch.numbers, self._device)
            captured = _Captured(*capture(lambda: step(batch, numbers)), numbers)
        except RuntimeError as error:
            if device_fault_of(error) not in (None, DeviceFault.OUT_OF_MEMORY):
                raise
            self.turn_off(f"{type(error).__name__}: {error}")
            return None
        self._graphs[key] = captured
        return captured

    def turn_off(self, reason: str) -> None:
        """Launch the kernels of all steps one by one from now on."""
        self.clear()
        self.capture = None
        logger.warning("decode_graphs_off", extra={"reason": reason.partition("\n")[0][:200]})


class CudaCapture:
    """Captures steps on a card. All graphs share their memory: one replay follows another."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._pool = device, torch.cuda.graph_pool_handle()

    def __call__(self, step: Callable[[], StepOutput]) -> tuple[Graph, StepOutput]:
        """As in `Capture`."""
        graph = torch.cuda.CUDAGraph()
        # The second block leads back to the stream where torch was, which it forgets when a capture fails.
        # Other threads may prepare adapters meanwhile, which the strictest mode takes for a mistake.
        with (
            torch.cuda.device(self._device),
            torch.cuda.stream(torch.cuda.current_stream(self._device)),
            torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"),
        ):
            output = step()
        return graph, output

    def forget(self) -> None:
        """As in `Capture`."""
        self._pool = torch.cuda.graph_pool_handle()

    @contextmanager
    def refusing_waits(self) -> Iterator[None]:
        """As in `Capture`."""
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")
