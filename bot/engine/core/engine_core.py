"""Continuous batching: requests join the running batch when there is room, and leave after any step."""

from collections.abc import Sequence
from time import monotonic

import torch

from bot.engine.core.graph_trial import async_decoder_of
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.request_queue import RequestQueue
from bot.engine.core.request_state import RunningRequest
from bot.engine.core.resources import RequestResources
from bot.engine.core.stats import EngineStats
from bot.engine.core.step_executor import StepExecutor, StepResult
from bot.engine.core.step_schedule import ScheduledSpan
from bot.engine.lora.active import LoadedAdapter
from bot.engine.runtime.device_faults import DeviceFault
from bot.engine.runtime.errors import (
    explain_failure,
    free_memory,
    is_out_of_memory,
    raise_if_lost,
)
from bot.errors import UserError
from bot.message import Place


class EngineCore:
    """All waiting and running requests. Belongs to the engine's thread.

    No error of a request leaves it, but `DeviceLost` does: the core is of no more use then but for `abandon`.
    """

    def __init__(self, resources: RequestResources, stats: EngineStats, graphs: bool = False) -> None:
        """`resources` gives a request its KV slots, sampler state and adapter slot.

        `graphs`: capture decoding steps, where there is one graphics card.
        """
        self.resources = resources
        self._runner, self._stats = resources.loaded.runner, stats
        self._queue = RequestQueue()
        self._running: list[RunningRequest] = []
        self._executor = StepExecutor(resources)
        self._ahead = async_decoder_of(resources, graphs)
        self._is_crowded = False  # memory ran out: nobody is admitted until a request has ended

    @property
    def device(self) -> torch.device:
        """The device to which token ids go."""
        return self._runner.device

    @property
    def idle(self) -> bool:
        """True while no request waits or runs."""
        return not self._queue.waiting and not self._running

    @property
    def running_requests(self) -> int:
        """Number of running requests."""
        return len(self._running)

    @property
    def running_sequences(self) -> int:
        """Sequences of all running requests, finished ones of an unfinished request too."""
        return sum(len(request.sequences) for request in tuple(self._running))

    def add_request(self, stream: OutputStream) -> None:
        """Append a request to the queue."""
        self._queue.waiting.append(stream)

    def add_adapter(self, adapter: LoadedAdapter) -> None:
        """Register an adapter, in place of a registered one of the same name."""
        self.drop_adapter(adapter.name)
        self.resources.adapters.register(adapter)

    def drop_adapter(self, name: str) -> None:
        """Unregister an adapter and drop its prefix cache; running requests keep the adapter to their end."""
        adapter = self.resources.adapters.unregister(name)
        if adapter is not None:
            self.resources.cache.drop_prefixes(adapter)
            for request in self._running:
                request.stream.skip_prefix_cache |= request.adapter is adapter

    def forget_place(self, place: Place) -> None:
        """Drop the prefix cache of a place; its waiting and running requests will not be cached either."""
        self.resources.cache.drop_prefixes(place)
        for stream in (*self._queue.waiting, *(request.stream for request in self._running)):
            stream.skip_prefix_cache |= stream.request.place == place

    def abandon(self) -> list[OutputStream]:
        """Let go of all requests without a computation; return those that can run again, oldest first.

        Requests of which a piece was published fail.
        """
        running = [request.stream for request in self._running]
        self._running.clear()
        for stream in (stream for stream in running if stream.has_piece):
            stream.fail(UserError(f"This reply was cut off: {DeviceFault.CONTEXT_LOST.value}."))
        waiting = dict.fromkeys((*running, *self._queue.waiting))
        unfinished = [stream for stream in waiting if not stream.finished]
        for stream in unfinished:
            stream.pause_deadlines()
        return sorted(unfinished, key=lambda stream: stream.submitted_at)

    def step(self) -> None:
        """One step: drop finished requests, admit waiting ones, prefill or decode the rest."""
        self._stats.answered += self._queue.drop_aborted()
        for request in [request for request in self._running if request.stream.abort_reason()]:
            self._finish(request)
        if not (self._is_crowded and self._running):
            self._queue.admit(self._start)
        if self._running:
            self._advance()
            self._runner.active_adapters.note_step()
            for request in list(self._running):
                if not request.unfinished:
                    self._finish(request)
        elif self._ahead is not None:
            self._ahead.discard()

    def _advance(self) -> None:
        """Compute a step of all running requests: on cards one step ahead, where all of them decode."""
        self._stats.step_started = monotonic()
        try:
            if self._ahead is not None and self._ahead.serves(self._running):
                self._apply(self._ahead.advance(self._running))
            else:
                self._execute(self._executor.schedule(self._running))
                if self._ahead is not None:
                    self._ahead.note_waited()
        finally:
            self._stats.step_started = None

    def _apply(self, results: Sequence[StepResult]) -> None:
        for result in results:
            self._apply_one(result)
        self._stats.record_step(len(results))

    def _start(self, stream: OutputStream) -> bool:
        """Start a request if there is room now; raises `UserError` if there will never be room."""
        try:
            request = self.resources.allocate(stream, self.running_sequences)
        except RuntimeError as error:
            raise_if_lost(error, self.device)
            raise
        if request is None:
            return False
        self._running.append(request)
        try:
            self._activate(request)
        except (Exception, MemoryError) as error:
            raise_if_lost(error, self.device)
            if is_out_of_memory(error) and len(self._running) > 1:
                self._stop(request)
                return False
            self._fail(request, error)
        return True

    def _activate(self, request: RunningRequest) -> None:
        """Load adapter and stored prefix; once more, if memory runs out and there is some to give back."""
        try:
            reused = self.resources.activate(request)
        except (Exception, MemoryError) as error:
            if not (is_out_of_memory(error) and self._release_unused()):
                raise
            error.__traceback__ = None
            free_memory()
            reused = self.resources.activate(request)
        self._stats.reused_tokens += reused
        self._stats.prompt_tokens += len(request.request.ids)

    def _execute(self, spans: Sequence[ScheduledSpan]) -> None:
        """Execute a step for all requests; after an error, one for each, so that only a broken one fails.

        A request that alone runs out of memory is tried again as long as there is memory to give back. Then
        it waits for others to end, if nobody has seen a piece of it.
        """
        owners = list(dict.fromkeys(request for request, _ in spans))
        try:
            self._apply(self._executor.execute(spans))
        except (Exception, MemoryError) as error:  # one request may fail, the engine goes on
            raise_if_lost(error, self.device)
            out_of_memory = is_out_of_memory(error)
            shrunk = out_of_memory and self._release_unused()
            if len(owners) == 1 and not shrunk:
                if out_of_memory and len(self._running) > 1 and not owners[0].stream.has_piece:
                    self._stop(owners[0])
                    self._queue.waiting.appendleft(owners[0].stream)
                else:
                    self._fail(owners[0], error)
                return
            error.__traceback__ = None  # it holds the step's tensors
            if out_of_memory:
                free_memory()
            for owner in owners:
                self._execute([scheduled for scheduled in spans if scheduled[0] is owner])

    def _apply_one(self, result: StepResult) -> None:
        if result.request not in self._running:
            return
        try:
            result.apply(self.resources)
        except (Exception, MemoryError) as error:
            raise_if_lost(error, self.device)
            self._fail(result.request, error)

    def _finish(self, request: RunningRequest) -> None:
        """Hand over the answers; keys and values stay in the prefix cache for the place's next turn."""
        answers = request.finish()
        self._stats.answered += 1
        if request.first_token_seconds is not None:
            self._stats.record_first_token(request.first_token_seconds)
        if not request.stream.skip_prefix_cache:
            self.resources.cache_prefix(request)
        self._release(request)
        request.stream.finish(answers)

    def _fail(self, request: RunningRequest, error: BaseException) -> None:
        request.failed = True
        self._release(request)
        request.stream.fail(error if isinstance(error, UserError) else explain_failure(error))

    def _stop(self, request: RunningRequest) -> None:
        """Take a request out of the batch for which there is no memory while others run."""
        request.failed = True
        self._release(request)
        self._release_unused()
        free_memory()
        self._is_crowded = True

    def _release_unused(self) -> bool:
        """Give memory back that no request uses; return whether there was any."""
        captured = self._ahead is not None and self._ahead.graphs.clear()
        return self.resources.release_unused() or captured

    def _release(self, request: RunningRequest) -> None:
        self._is_crowded = False
        self._running.remove(request)
        self.resources.release(request)
