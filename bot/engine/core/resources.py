"""What rows are given when they join: slots for keys and values, dice, an adapter, what was read before."""

from collections.abc import Collection
from typing import Any

from bot.engine.attention.kv_cache import KVCache
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.request_state import RunningRequest
from bot.engine.interface import Request
from bot.engine.lora.registry import AdapterRegistry
from bot.engine.model_loader.loader import LoadedModel
from bot.engine.sampling.sampler import Sampler, seed_of
from bot.errors import UserError


class RequestResources:
    """All that running rows share, on the engine's thread. `rows` is the most sequences at once."""

    def __init__(self, loaded: LoadedModel, rows: int) -> None:
        self.loaded, self._most = loaded, rows
        self.adapters = AdapterRegistry()
        self.cache = KVCache(loaded.cache_bytes, loaded.runner.token_bytes)
        self._vocabulary = loaded.model.get_input_embeddings().num_embeddings
        self.sampler = Sampler(self._vocabulary, rows, loaded.runner.device)

    def allocate(self, generation: OutputStream, running: int) -> RunningRequest | None:
        """Give rows to a request beside those that run, or None while there is no room.

        Raises `UserError` if there will never be, and `ValueError` for ids that are none of the model's.
        """
        request, loaded = generation.request, self.loaded
        room = _room(request.ids, self._vocabulary, loaded.context)
        known = self.adapters.find(request.adapter, request.strength)
        limit = min(room, request.sampling.max_tokens)
        tokens = len(request.ids) + limit
        if request.n > self._most or not self.cache.fits(tokens, request.n):
            raise UserError(
                "There is not enough memory for this request: try a shorter message, a smaller context, "
                "or a larger [model] cache."
            )
        rows = self.cache.enter(tokens, request.n) if running + request.n <= self._most else None
        if rows is None:
            return None
        end = request.stop_ids or loaded.tokenizer.end
        try:
            dice = self._seat(request, end)
        except (Exception, MemoryError):
            for row in rows:
                self.cache.leave(row)
            raise
        answering = RunningRequest(generation, known, loaded.tokenizer.decode_bytes, end, limit)
        answering.start(rows, dice)
        return answering

    def _seat(self, request: Request, end: Collection[int]) -> list[int]:
        """A place among the dice for each candidate, or for none when one cannot have it."""
        seats: list[int] = []
        try:
            seed = seed_of(request)
            for candidate in range(request.n):
                seats.append(self.sampler.join(request, candidate, end, seed))
        except (Exception, MemoryError):
            for seat in seats:
                self.sampler.leave(seat)
            raise
        return seats

    def activate(self, answering: RunningRequest) -> int:
        """Have the adapter at hand, and recall what was read before; returns of how many tokens."""
        if answering.adapter is not None:
            self.loaded.runner.active_adapters.enter(answering.adapter)
        return self.cache.recall(_keys(answering), answering.request.ids, answering.prompt_slot)

    def release(self, answering: RunningRequest) -> None:
        """Take everything back; slots that may hold no numbers are wiped."""
        wipe = answering.written_tokens if answering.may_hold_nan else 0
        for candidate in answering.sequences:
            self.cache.leave(candidate.kv_slot, wipe)
            self.sampler.leave(candidate.sampler_slot)
        if answering.adapter is not None:
            self.loaded.runner.active_adapters.leave(answering.adapter)

    def cache_prefix(self, answering: RunningRequest) -> None:
        """Keep what the place's next turn will begin with, and the beginning that other places share."""
        request, row = answering.request, answering.prompt_slot
        *own, shared = _keys(answering)
        try:
            self.cache.share(shared[0], request.ids[: request.shared], row)
            for key in own if row.length else ():
                self.cache.keep(key, (*request.ids, *answering.sequences[0].tokens), row)
        except (RuntimeError, MemoryError):  # no memory for a copy: the next turn reads its prompt again
            self.cache.shrink()

    @property
    def memory(self) -> dict[str, int]:
        """Bytes by part."""
        return {
            "weights": self.loaded.bytes,
            "known adapters": self.adapters.bytes,
            "live adapters": self.loaded.runner.active_adapters.bytes,
            "running rows": self.cache.running_bytes,
            "remembered": self.cache.kept_bytes,
        }


def _keys(answering: RunningRequest) -> list[tuple[Any, ...]]:
    """Under what a row's keys and values may be used again: its place, and its shared beginning."""
    request = answering.request
    under = (answering.adapter, request.strength if answering.adapter else 1.0)
    own = [(request.place, *under)] if request.place is not None else []
    return [*own, (under, request.ids[: request.shared])]


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
