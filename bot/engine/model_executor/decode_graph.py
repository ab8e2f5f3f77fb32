"""Decoding steps captured as CUDA graphs: hundreds of kernels become one launch."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

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
Capture = Callable[[Callable[[], StepOutput]], tuple[Graph, StepOutput]]


@dataclass(frozen=True, slots=True)
class _Captured:
    graph: Graph
    output: StepOutput
    numbers: Tensor


class DecodeGraphs:
    """Runs decoding steps, captured where a layout came before.

    A graph reads the addresses that its tensors had when it was captured: `version` of a run must be another
    one when a tensor is another one. The graphs that served last are kept.
    """

    def __init__(self, device: torch.device, capture: Capture | None = None) -> None:
        """`capture`: None to launch kernels one by one."""
        self._device, self.capture = device, capture
        self._graphs: OrderedDict[Hashable, _Captured] = OrderedDict()
        self._came_once: OrderedDict[Hashable, None] = OrderedDict()

    @torch.inference_mode()
    def run(self, step: Step, batch: DecodeBatch, version: Hashable) -> StepOutput:
        """Launch a step; the host does not wait. `step` launches the same kernels for equal layouts."""
        key = batch.layout, version
        captured = self._graphs.get(key)
        if captured is None and self.capture is not None and self._comes_again(key):
            captured = self._try_capture(self.capture, step, batch)
        if captured is None:
            return step(batch, upload(batch.numbers, self._device))
        self._keep(key, captured)
        captured.numbers.copy_(pinned(torch.tensor(batch.numbers), self._device), non_blocking=True)
        captured.graph.replay()
        return captured.output

    def clear(self) -> bool:
        """Give the graphs and their memory back; return whether there were any."""
        captured = bool(self._graphs)
        self._graphs.clear()
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

    def _keep(self, key: Hashable, captured: _Captured) -> None:
        """Note that a graph serves now; the one that served longest ago may go."""
        self._graphs[key] = captured
        self._graphs.move_to_end(key)
        if len(self._graphs) > MAX_GRAPHS:
            self._graphs.popitem(last=False)

    def _try_capture(self, capture: Capture, step: Step, batch: DecodeBatch) -> _Captured | None:
        try:
            numbers = upload(batch.numbers, self._device)
            return _Captured(*capture(lambda: step(batch, numbers)), numbers)
        except RuntimeError as error:
            if device_fault_of(error) not in (None, DeviceFault.OUT_OF_MEMORY):
                raise
            self.turn_off(str(error))
            return None

    def turn_off(self, reason: str) -> None:
        """Launch the kernels of all steps one by one from now on."""
        self.capture = None
        self.clear()
        logger.warning("decode_graphs_off", extra={"reason": reason.splitlines()[0][:200]})


class CudaCapture:
    """Captures steps on the current card. All graphs share their memory: one replay follows another."""

    def __init__(self) -> None:
        self._pool: Any = torch.cuda.graph_pool_handle()

    def __call__(self, step: Callable[[], StepOutput]) -> tuple[Graph, StepOutput]:
        """Return the graph of a step, which has not run, and the tensors that a replay fills."""
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            # Other threads may prepare adapters meanwhile, which the strictest mode takes for a mistake.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                output = step()
        except BaseException:
            torch.cuda.set_stream(stream)  # torch stays on the stream of a capture that failed
            raise
        return graph, output
