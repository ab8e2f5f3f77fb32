"""The running batch: requests join it when there is room, and leave it at any step."""

from collections.abc import Sequence
from time import monotonic

from torch import Tensor

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.core import scheduling
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.request_queue import RequestQueue
from bot.engine.core.request_state import RunningRequest, TokenSequence
from bot.engine.core.resources import RequestResources
from bot.engine.core.stats import EngineStats
from bot.engine.lora.active import LoadedAdapter
from bot.engine.runtime.errors import explain_failure, free_memory, is_out_of_memory
from bot.errors import UserError
from bot.message import Place


class EngineCore:
    """All requests that wait or run, on the engine's thread. No error of a request leaves it."""

    def __init__(self, supplies: RequestResources, statistics: EngineStats) -> None:
        """`supplies` is what rows are given when they join."""
        self.resources = supplies
        self._runner, self._stats = supplies.loaded.runner, statistics
        self._queue = RequestQueue()
        self._running: list[RunningRequest] = []
        self._seconds_per_token = 0.0  # seconds for a token of a prompt

    @property
    def idle(self) -> bool:
        """Whether nobody waits or runs."""
        return not self._queue.waiting and not self._running

    @property
    def running_requests(self) -> int:
        """Requests that run."""
        return len(self._running)

    @property
    def running_sequences(self) -> int:
        """Sequences that run, with those of candidates that wait for others of their request."""
        return sum(len(answering.sequences) for answering in tuple(self._running))

    def add_request(self, generation: OutputStream) -> None:
        """Put a request in line."""
        self._queue.waiting.append(generation)

    def drop_adapter(self, name: str) -> None:
        """Forget an adapter, and what was computed under it; rows under way keep it to their end."""
        known = self.resources.adapters.drop(name)
        if known is not None:
            self.resources.cache.forget(known)
            for answering in self._running:
                answering.stream.skip_prefix_cache |= answering.adapter is known

    def add_adapter(self, known: LoadedAdapter) -> None:
        """Put an adapter in place of one of that name."""
        self.drop_adapter(known.name)
        self.resources.adapters.add(known)

    def forget_place(self, place: Place) -> None:
        """Forget what was computed of a place; what runs or waits for it is not remembered either."""
        self.resources.cache.forget(place)
        for generation in (*self._queue.waiting, *(answering.stream for answering in self._running)):
            generation.skip_prefix_cache |= generation.request.place == place

    def step(self) -> None:
        """Let in who fits, let out who is no longer wanted, and add a token or a chunk to everybody else."""
        self._stats.answered += self._queue.drop_aborted()
        for answering in [one for one in self._running if one.stream.abort_reason()]:
            self._end(answering)
        self._queue.admit(self._enter)
        if self._running:
            spans = self._spans()
            self._run(spans)
            for answering in list(self._running):
                if not answering.unfinished:
                    self._end(answering)

    def _enter(self, generation: OutputStream) -> bool:
        """Start a request if there is room for it now; raises `UserError` if there will never be."""
        answering = self.resources.allocate(generation, self.running_sequences)
        if answering is None:
            return False
        self._running.append(answering)
        try:
            self._stats.reused_tokens += self.resources.activate(answering)
            self._stats.prompt_tokens += len(answering.request.ids)
        except (Exception, MemoryError) as error:
            self._fail(answering, error)
        return True

    def _spans(self) -> list[tuple[RunningRequest, TokenSpan]]:
        """What everybody adds in this step."""
        reading = {
            one: scheduling.PrefillState(one.prefill_remaining, one.skipped_steps)
            for one in self._running
            if one.prefill_remaining
        }
        alone = len(reading) == len(self._running)
        shortest = min((one.remaining for one in reading.values()), default=0) if alone else 0
        shares = scheduling.prefill_chunks(
            reading, scheduling.prefill_budget(self._seconds_per_token, shortest)
        )
        spans = []
        for answering in self._running:
            request, bay = answering.request, self._runner.active_adapters.bay(answering.adapter)
            if answering.prefill_remaining:
                share = shares.get(answering, 0)
                fair = 2 * share >= min(
                    answering.prefill_remaining, scheduling.MIN_CHUNK
                )  # more than a leftover
                answering.skipped_steps = 0 if fair else answering.skipped_steps + 1
                start = answering.prompt_slot.length
                ids = request.ids[start : start + share]
                spans += (
                    [(answering, TokenSpan(answering.prompt_slot, ids, bay, request.strength))] if ids else []
                )
            else:
                spans += [
                    (answering, TokenSpan(one.kv_slot, (one.tokens[-1],), bay, request.strength))
                    for one in answering.unfinished
                ]
        return spans

    def _run(self, spans: Sequence[tuple[RunningRequest, TokenSpan]]) -> None:
        """Try a step for all; when that fails, one for each request, so that only what breaks fails.

        One that runs out of memory is tried again as long as there was anything to give back.
        """
        owners = list(dict.fromkeys(answering for answering, _ in spans))
        try:
            self._pass(spans)
        except (Exception, MemoryError) as error:  # one request may fail, the engine goes on
            short = is_out_of_memory(error)
            roomier = short and self.resources.cache.shrink()
            if len(owners) == 1 and not roomier:
                self._fail(owners[0], error)
                return
            error.__traceback__ = None  # it holds the step's tensors
            if short:
                free_memory()
            for owner in owners:
                self._run([one for one in spans if one[0] is owner])

    def _pass(self, spans: Sequence[tuple[RunningRequest, TokenSpan]]) -> None:
        began = self._stats.step_started = monotonic()
        try:
            step = ForwardBatch([span for _, span in spans], self._runner.device, self._runner.native)
            owners = {id(span.row): answering for answering, span in spans}
            drawing = self._drawing(step, owners)
            logits = self._runner.forward(step)
            tokens = self._draw(step, logits, drawing)
        finally:
            self._stats.step_started = None
        step.advance()
        self._measure(step, monotonic() - began)
        for (_, answering, candidate), token in zip(drawing, tokens, strict=True):
            self._take(answering, candidate, token)
        self._stats.record_step(len(tokens))

    def _drawing(
        self, step: ForwardBatch, owners: dict[int, RunningRequest]
    ) -> list[tuple[int, RunningRequest, TokenSequence]]:
        """Which logits give whom a token: those behind a whole prompt serve all candidates."""
        drawing = []
        for place, span in enumerate(step.spans):
            answering = owners[id(span.row)]
            if answering.prefill_remaining > len(span.ids):
                continue
            which = answering.sequences if answering.prefill_remaining else [_of(answering, span)]
            drawing += [(place, answering, candidate) for candidate in which]
        return drawing

    def _draw(
        self, step: ForwardBatch, logits: Tensor, drawing: Sequence[tuple[int, RunningRequest, TokenSequence]]
    ) -> list[int | None]:
        if not drawing:
            return []
        picked = logits.index_select(0, step.tensor([place for place, _, _ in drawing]))
        return self.resources.sampler.draw(picked, [candidate.sampler_slot for _, _, candidate in drawing])

    def _measure(self, step: ForwardBatch, seconds: float) -> None:
        """How long a token of a prompt takes, of steps that were mostly prompts."""
        tokens = step.starts[-1]
        if tokens >= scheduling.MIN_CHUNK:
            pace = seconds / tokens
            self._seconds_per_token = (
                pace if not self._seconds_per_token else 0.8 * self._seconds_per_token + 0.2 * pace
            )

    def _take(self, answering: RunningRequest, candidate: TokenSequence, token: int | None) -> None:
        if answering not in self._running:
            return
        try:
            if candidate is not answering.sequences[0] and candidate.kv_slot.length == 0:
                self.resources.cache.copy(answering.prompt_slot, candidate.kv_slot)
            answering.append_token(candidate, token)
        except (Exception, MemoryError) as error:
            self._fail(answering, error)

    def _end(self, answering: RunningRequest) -> None:
        """Hand over the answers; what was computed is remembered for the place's next turn."""
        answers = answering.finish()
        self._stats.answered += 1
        if answering.first_token_seconds is not None:
            self._stats.record_first_token(answering.first_token_seconds)
        if not answering.stream.skip_prefix_cache:
            self.resources.cache_prefix(answering)
        self._leave(answering)
        answering.stream.finish(answers)

    def _fail(self, answering: RunningRequest, error: BaseException) -> None:
        answering.failed = True
        self._leave(answering)
        answering.stream.fail(error if isinstance(error, UserError) else explain_failure(error))

    def _leave(self, answering: RunningRequest) -> None:
        self._running.remove(answering)
        self.resources.release(answering)


def _of(answering: RunningRequest, span: TokenSpan) -> TokenSequence:
    return next(candidate for candidate in answering.sequences if candidate.kv_slot is span.row)
