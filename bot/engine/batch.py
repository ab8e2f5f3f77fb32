"""The running batch: requests join it when there is room, and leave it at any step."""

import logging
import traceback
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any

from bot.engine import cache, plan
from bot.engine.adapters import Adapters
from bot.engine.answering import Answering, Candidate, unanswered
from bot.engine.cache import Cache
from bot.engine.generation import LocalGeneration
from bot.engine.live import Known
from bot.engine.model import Loaded
from bot.engine.sampling import Sampler, seed_of
from bot.engine.statistics import Statistics
from bot.engine.step import Span, Step
from bot.errors import UserError
from bot.message import Place

logger = logging.getLogger(__name__)


class Batch:
    """All requests that wait or run, on the engine's thread. No error of a request leaves it."""

    def __init__(self, loaded: Loaded, statistics: Statistics, rows: int) -> None:
        """`rows` is the most sequences at once."""
        self._loaded, self._decoder = loaded, loaded.decoder
        self._statistics, self._most = statistics, rows
        self.adapters = Adapters()
        self.cache = Cache(loaded.cache_bytes, loaded.decoder.token_bytes)
        self._vocabulary = loaded.model.get_input_embeddings().num_embeddings
        self._sampler = Sampler(self._vocabulary, rows, self._decoder.device)
        self._turns = plan.Turns()
        self._waiting: deque[LocalGeneration] = deque()
        self._running: list[Answering] = []
        self._pace = 0.0  # seconds for a token of a prompt

    @property
    def idle(self) -> bool:
        """Whether nobody waits or runs."""
        return not self._waiting and not self._running

    @property
    def running(self) -> int:
        """Requests that run."""
        return len(self._running)

    @property
    def rows(self) -> int:
        """Sequences that run, with those of candidates that wait for others of their request."""
        return sum(len(answering.candidates) for answering in tuple(self._running))

    @property
    def memory(self) -> dict[str, int]:
        """Bytes by part."""
        return {
            "weights": self._loaded.bytes,
            "known adapters": self.adapters.bytes,
            "live adapters": self._decoder.live.bytes,
            "running rows": self.cache.running_bytes,
            "remembered": self.cache.kept_bytes,
        }

    def add(self, generation: LocalGeneration) -> None:
        """Put a request in line."""
        self._waiting.append(generation)

    def drop(self, name: str) -> None:
        """Forget an adapter, and what was computed under it; rows under way keep it to their end."""
        known = self.adapters.drop(name)
        if known is not None:
            self.cache.forget(known)
            for answering in self._running:
                answering.generation.forgotten |= answering.known is known

    def replace(self, known: Known) -> None:
        """Put an adapter in place of one of that name."""
        self.drop(known.name)
        self.adapters.add(known)

    def forget(self, place: Place) -> None:
        """Forget what was computed of a place; what runs or waits for it is not remembered either."""
        self.cache.forget(place)
        for generation in (*self._waiting, *(answering.generation for answering in self._running)):
            generation.forgotten |= generation.request.place == place

    def step(self) -> None:
        """Let in who fits, let out who is no longer wanted, and add a token or a chunk to everybody else."""
        self._release()
        self._admit()
        if self._running:
            spans = self._spans()
            self._run(spans)
            for answering in list(self._running):
                if not answering.going:
                    self._end(answering)

    def _release(self) -> None:
        for generation in [one for one in self._waiting if one.unwanted()]:
            self._waiting.remove(generation)
            self._statistics.answered += 1
            generation.end(unanswered(generation, generation.unwanted() or "cancelled"))
        for answering in [one for one in self._running if one.generation.unwanted()]:
            self._end(answering)

    def _admit(self) -> None:
        while self._waiting:
            at = self._turns.next([generation.request.adapter for generation in self._waiting])
            generation = self._waiting[at]
            try:
                if not self._enter(generation):
                    return
            except (UserError, ValueError) as error:
                generation.fail(error)
            except (Exception, MemoryError) as error:
                generation.fail(self._understood(error))
            del self._waiting[at]
            self._turns.admitted(generation.request.adapter)

    def _enter(self, generation: LocalGeneration) -> bool:
        """Start a request if there is room for it now; raises `UserError` if there will never be."""
        request, loaded = generation.request, self._loaded
        room = _room(request.ids, self._vocabulary, loaded.context)
        known = self.adapters.find(request.adapter, request.strength)
        limit = min(room, request.sampling.max_tokens)
        tokens = len(request.ids) + limit
        if request.n > self._most or not self.cache.fits(tokens, request.n):
            raise UserError(
                "There is not enough memory for this request: try a shorter message, a smaller context, "
                "or a larger [model] cache."
            )
        if self.rows + request.n > self._most:
            return False
        rows = self.cache.enter(tokens, request.n)
        if rows is None:
            return False
        end = request.stop_ids or loaded.tokenizer.end
        answering = Answering(generation, known, loaded.tokenizer.spell, end, limit)
        seed = seed_of(request)
        answering.begin(rows, [self._sampler.join(request, n, end, seed) for n in range(request.n)])
        self._running.append(answering)
        try:
            self._prepare(answering)
        except (Exception, MemoryError) as error:
            self._fail(answering, error)
        return True

    def _prepare(self, answering: Answering) -> None:
        """Have the adapter at hand, and recall what the place's last turn computed."""
        request = answering.request
        if answering.known is not None:
            self._decoder.live.enter(answering.known)
        self._statistics.reused_tokens += self.cache.recall(_keys(answering), request.ids, answering.row)
        self._statistics.prompt_tokens += len(request.ids)

    def _spans(self) -> list[tuple[Answering, Span]]:
        """What everybody adds in this step."""
        reading = {one: plan.Reading(one.left, one.passed) for one in self._running if one.left}
        shares = plan.chunks(reading, plan.budget(self._pace))
        spans = []
        for answering in self._running:
            request, bay = answering.request, self._decoder.live.bay(answering.known)
            if answering.left:
                answering.passed = 0 if answering in shares else answering.passed + 1
                start = answering.row.length
                ids = request.ids[start : start + shares.get(answering, 0)]
                spans += [(answering, Span(answering.row, ids, bay, request.strength))] if ids else []
            else:
                spans += [
                    (answering, Span(one.row, (one.tokens[-1],), bay, request.strength))
                    for one in answering.going
                ]
        return spans

    def _run(self, spans: Sequence[tuple[Answering, Span]]) -> None:
        """Try a step for all; when that fails, one for each request, so that only what breaks fails.

        One that runs out of memory is tried again as long as there was anything to give back.
        """
        owners = list(dict.fromkeys(answering for answering, _ in spans))
        try:
            self._pass(spans)
        except (Exception, MemoryError) as error:  # one request may fail, the engine goes on
            short = cache.is_out_of_memory(error)
            roomier = short and self.cache.shrink()
            if len(owners) == 1 and not roomier:
                self._fail(owners[0], error)
                return
            error.__traceback__ = None  # it holds the step's tensors
            if short:
                cache.free_memory()
            for owner in owners:
                self._run([one for one in spans if one[0] is owner])

    def _pass(self, spans: Sequence[tuple[Answering, Span]]) -> None:
        began = self._statistics.step_began = monotonic()
        try:
            step = Step([span for _, span in spans], self._decoder.device)
            owners = {id(span.row): answering for answering, span in spans}
            logits = self._decoder.forward(step)
            drawing = self._drawing(step, owners)
            picked = (
                logits.index_select(0, step.tensor([place for place, _, _ in drawing])) if drawing else logits
            )
            tokens = self._sampler.draw(picked, [one.dice for _, _, one in drawing]) if drawing else []
        finally:
            self._statistics.step_began = None
        step.advance()
        self._measure(step, monotonic() - began)
        for (_, answering, candidate), token in zip(drawing, tokens, strict=True):
            self._take(answering, candidate, token)
        self._statistics.step(len(tokens))

    def _drawing(self, step: Step, owners: dict[int, Answering]) -> list[tuple[int, Answering, Candidate]]:
        """Which logits give whom a token: those behind a whole prompt serve all candidates."""
        drawing = []
        for place, span in enumerate(step.spans):
            answering = owners[id(span.row)]
            if answering.left > len(span.ids):
                continue
            which = answering.candidates if answering.left else [_of(answering, span)]
            drawing += [(place, answering, candidate) for candidate in which]
        return drawing

    def _measure(self, step: Step, seconds: float) -> None:
        """How long a token of a prompt takes, of steps that were mostly prompts."""
        tokens = step.starts[-1]
        if tokens >= plan.FEWEST:
            pace = seconds / tokens
            self._pace = pace if not self._pace else 0.8 * self._pace + 0.2 * pace

    def _take(self, answering: Answering, candidate: Candidate, token: int | None) -> None:
        if answering not in self._running:
            return
        try:
            if candidate is not answering.candidates[0] and candidate.row.length == 0:
                self.cache.copy(answering.row, candidate.row)
            answering.take(candidate, token)
        except (Exception, MemoryError) as error:
            self._fail(answering, error)

    def _end(self, answering: Answering) -> None:
        """Hand over the answers; what was computed is remembered for the place's next turn."""
        answers = answering.close()
        self._statistics.answered += 1
        if answering.first_token is not None:
            self._statistics.first_token(answering.first_token)
        if not answering.generation.forgotten:
            self._remember(answering)
        self._leave(answering)
        answering.generation.end(answers)

    def _remember(self, answering: Answering) -> None:
        """Keep what the place's next turn will begin with, and the beginning that other places share."""
        request, row = answering.request, answering.row
        *own, shared = _keys(answering)
        try:
            self.cache.share(shared[0], request.ids[: request.shared], row)
            for key in own if row.length else ():
                self.cache.keep(key, (*request.ids, *answering.candidates[0].tokens), row)
        except (RuntimeError, MemoryError):  # no memory for a copy: the next turn reads its prompt again
            self.cache.shrink()

    def _fail(self, answering: Answering, error: BaseException) -> None:
        answering.failed = True
        self._leave(answering)
        answering.generation.fail(error if isinstance(error, UserError) else self._understood(error))

    def _leave(self, answering: Answering) -> None:
        self._running.remove(answering)
        wipe = answering.touched if answering.doubtful else 0
        for candidate in answering.candidates:
            self.cache.leave(candidate.row, wipe)
            self._sampler.leave(candidate.dice)
        if answering.known is not None:
            self._decoder.live.leave(answering.known)

    def _understood(self, error: BaseException) -> BaseException:
        """What to tell of an error inside a request; the log gets it without any text of a prompt."""
        places = "".join(traceback.format_tb(error.__traceback__))
        logger.error("A request failed: %s\n%s", type(error).__name__, places)
        if not cache.is_out_of_memory(error):
            return error
        error.__traceback__ = None  # it holds the request's tensors
        cache.free_memory()
        return UserError(
            "There is not enough memory for this request: try a shorter message, or a smaller context."
        )


def _keys(answering: Answering) -> list[tuple[Any, ...]]:
    """Under what a row's keys and values may be used again: its place, and its shared beginning."""
    request = answering.request
    under = (answering.known, request.strength if answering.known else 1.0)
    own = [(request.place, *under)] if request.place is not None else []
    return [*own, (under, request.ids[: request.shared])]


def _of(answering: Answering, span: Span) -> Candidate:
    return next(candidate for candidate in answering.candidates if candidate.row is span.row)


def _room(ids: tuple[int, ...], vocabulary: int, context: int) -> int:
    """How many tokens an answer may have behind this prompt."""
    if not ids:
        raise UserError("The prompt is empty: say something first.")
    if len(ids) >= context:
        raise UserError(
            f"The prompt has {len(ids):,} tokens and the model reads {context:,}: "
            "shorten it, or raise [model] context."
        )
    if not 0 <= min(ids) <= max(ids) < vocabulary:
        raise ValueError("The prompt has an id that the model does not know.")
    return context - len(ids)
