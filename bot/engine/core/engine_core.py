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
from bot.engine.runtime.errors import free_memory, is_out_of_memory, understood
from bot.errors import UserError
from bot.message import Place


class EngineCore:
    """All requests that wait or run, on the engine's thread. No error of a request leaves it."""

    def __init__(self, supplies: RequestResources, statistics: EngineStats) -> None:
        """`supplies` is what rows are given when they join."""
        self.supplies = supplies
        self._decoder, self._statistics = supplies.loaded.decoder, statistics
        self._line = RequestQueue()
        self._running: list[RunningRequest] = []
        self._pace = 0.0  # seconds for a token of a prompt

    @property
    def idle(self) -> bool:
        """Whether nobody waits or runs."""
        return not self._line.waiting and not self._running

    @property
    def running(self) -> int:
        """Requests that run."""
        return len(self._running)

    @property
    def rows(self) -> int:
        """Sequences that run, with those of candidates that wait for others of their request."""
        return sum(len(answering.candidates) for answering in tuple(self._running))

    def add(self, generation: OutputStream) -> None:
        """Put a request in line."""
        self._line.waiting.append(generation)

    def drop(self, name: str) -> None:
        """Forget an adapter, and what was computed under it; rows under way keep it to their end."""
        known = self.supplies.adapters.unregister(name)
        if known is not None:
            self.supplies.cache.drop_prefixes(known)
            for answering in self._running:
                answering.generation.forgotten |= answering.known is known

    def replace(self, known: LoadedAdapter) -> None:
        """Put an adapter in place of one of that name."""
        self.drop(known.name)
        self.supplies.adapters.register(known)

    def forget(self, place: Place) -> None:
        """Forget what was computed of a place; what runs or waits for it is not remembered either."""
        self.supplies.cache.drop_prefixes(place)
        for generation in (*self._line.waiting, *(answering.generation for answering in self._running)):
            generation.forgotten |= generation.request.place == place

    def step(self) -> None:
        """Let in who fits, let out who is no longer wanted, and add a token or a chunk to everybody else."""
        self._statistics.answered += self._line.release()
        for answering in [one for one in self._running if one.generation.unwanted()]:
            self._end(answering)
        self._line.admit(self._enter)
        if self._running:
            spans = self._spans()
            self._run(spans)
            for answering in list(self._running):
                if not answering.going:
                    self._end(answering)

    def _enter(self, generation: OutputStream) -> bool:
        """Start a request if there is room for it now; raises `UserError` if there will never be."""
        answering = self.supplies.begin(generation, self.rows)
        if answering is None:
            return False
        self._running.append(answering)
        try:
            self._statistics.reused_tokens += self.supplies.prepare(answering)
            self._statistics.prompt_tokens += len(answering.request.ids)
        except (Exception, MemoryError) as error:
            self._fail(answering, error)
        return True

    def _spans(self) -> list[tuple[RunningRequest, TokenSpan]]:
        """What everybody adds in this step."""
        reading = {one: scheduling.PrefillState(one.left, one.passed) for one in self._running if one.left}
        alone = len(reading) == len(self._running)
        shortest = min((one.left for one in reading.values()), default=0) if alone else 0
        shares = scheduling.chunks(reading, scheduling.budget(self._pace, shortest))
        spans = []
        for answering in self._running:
            request, bay = answering.request, self._decoder.live.slot_of(answering.known)
            if answering.left:
                share = shares.get(answering, 0)
                fair = 2 * share >= min(answering.left, scheduling.FEWEST)  # more than what others left over
                answering.passed = 0 if fair else answering.passed + 1
                start = answering.row.length
                ids = request.ids[start : start + share]
                spans += [(answering, TokenSpan(answering.row, ids, bay, request.strength))] if ids else []
            else:
                spans += [
                    (answering, TokenSpan(one.row, (one.tokens[-1],), bay, request.strength))
                    for one in answering.going
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
            roomier = short and self.supplies.cache.release_unused()
            if len(owners) == 1 and not roomier:
                self._fail(owners[0], error)
                return
            error.__traceback__ = None  # it holds the step's tensors
            if short:
                free_memory()
            for owner in owners:
                self._run([one for one in spans if one[0] is owner])

    def _pass(self, spans: Sequence[tuple[RunningRequest, TokenSpan]]) -> None:
        began = self._statistics.step_began = monotonic()
        try:
            step = ForwardBatch([span for _, span in spans], self._decoder.device, self._decoder.native)
            owners = {id(span.kv_slot): answering for answering, span in spans}
            drawing = self._drawing(step, owners)
            logits = self._decoder.forward(step)
            tokens = self._draw(step, logits, drawing)
        finally:
            self._statistics.step_began = None
        step.advance()
        self._measure(step, monotonic() - began)
        for (_, answering, candidate), token in zip(drawing, tokens, strict=True):
            self._take(answering, candidate, token)
        self._statistics.step(len(tokens))

    def _drawing(
        self, step: ForwardBatch, owners: dict[int, RunningRequest]
    ) -> list[tuple[int, RunningRequest, TokenSequence]]:
        """Which logits give whom a token: those behind a whole prompt serve all candidates."""
        drawing = []
        for place, span in enumerate(step.spans):
            answering = owners[id(span.kv_slot)]
            if answering.left > len(span.ids):
                continue
            which = answering.candidates if answering.left else [_of(answering, span)]
            drawing += [(place, answering, candidate) for candidate in which]
        return drawing

    def _draw(
        self, step: ForwardBatch, logits: Tensor, drawing: Sequence[tuple[int, RunningRequest, TokenSequence]]
    ) -> list[int | None]:
        if not drawing:
            return []
        picked = logits.index_select(0, step.tensor([place for place, _, _ in drawing]))
        return self.supplies.sampler.sample(picked, [candidate.dice for _, _, candidate in drawing])

    def _measure(self, step: ForwardBatch, seconds: float) -> None:
        """How long a token of a prompt takes, of steps that were mostly prompts."""
        tokens = step.starts[-1]
        if tokens >= scheduling.FEWEST:
            pace = seconds / tokens
            self._pace = pace if not self._pace else 0.8 * self._pace + 0.2 * pace

    def _take(self, answering: RunningRequest, candidate: TokenSequence, token: int | None) -> None:
        if answering not in self._running:
            return
        try:
            if candidate is not answering.candidates[0] and candidate.row.length == 0:
                self.supplies.cache.copy_slot(answering.row, candidate.row)
            answering.take(candidate, token)
        except (Exception, MemoryError) as error:
            self._fail(answering, error)

    def _end(self, answering: RunningRequest) -> None:
        """Hand over the answers; what was computed is remembered for the place's next turn."""
        answers = answering.close()
        self._statistics.answered += 1
        if answering.first_token is not None:
            self._statistics.first_token(answering.first_token)
        if not answering.generation.forgotten:
            self.supplies.remember(answering)
        self._leave(answering)
        answering.generation.end(answers)

    def _fail(self, answering: RunningRequest, error: BaseException) -> None:
        answering.failed = True
        self._leave(answering)
        answering.generation.fail(error if isinstance(error, UserError) else understood(error))

    def _leave(self, answering: RunningRequest) -> None:
        self._running.remove(answering)
        self.supplies.end(answering)


def _of(answering: RunningRequest, span: TokenSpan) -> TokenSequence:
    return next(candidate for candidate in answering.candidates if candidate.row is span.kv_slot)
