"""What rows are given when they join: slots for keys and values, dice, an adapter, what was read before."""

from collections.abc import Collection
from typing import Any

from bot.engine.attention.kv_cache import KVCache
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.request_state import RunningRequest
from bot.engine.interface import Request
from bot.engine.lora.registry import AdapterRegistry
from bot.engine.model_loader.loader import LoadedModel
from bot.engine.sampling.sampler import Sampler, request_seed
from bot.errors import UserError


class RequestResources:
    """All that running rows share, on the engine's thread. `rows` is the most sequences at once."""

    def __init__(self, loaded: LoadedModel, rows: int) -> None:
        self.loaded, self._most = loaded, rows
        self.adapters = AdapterRegistry()
        self.cache = KVCache(loaded.cache_bytes, loaded.decoder.token_bytes)
        self._vocabulary = loaded.model.get_input_embeddings().num_embeddings
        self.sampler = Sampler(self._vocabulary, rows, loaded.decoder.device)

    def begin(self, generation: OutputStream, running: int) -> RunningRequest | None:
        """Give rows to a request beside those that run, or None while there is no room.

        Raises `UserError` if there will never be, and `ValueError` for ids that are none of the model's.
        """
        request, loaded = generation.request, self.loaded
        room = _room(request.ids, self._vocabulary, loaded.context)
        known = self.adapters.resolve(request.adapter, request.strength)
        limit = min(room, request.sampling.max_tokens)
        tokens = len(request.ids) + limit
        if request.n > self._most or not self.cache.fits_budget(tokens, request.n):
            raise UserError(
                "There is not enough memory for this request: try a shorter message, a smaller context, "
                "or a larger [model] cache."
            )
        rows = self.cache.allocate(tokens, request.n) if running + request.n <= self._most else None
        if rows is None:
            return None
        end = request.stop_ids or loaded.tokenizer.end
        try:
            dice = self._seat(request, end)
        except (Exception, MemoryError):
            for row in rows:
                self.cache.free(row)
            raise
        answering = RunningRequest(generation, known, loaded.tokenizer.spell, end, limit)
        answering.begin(rows, dice)
        return answering

    def _seat(self, request: Request, end: Collection[int]) -> list[int]:
        """A place among the dice for each candidate, or for none when one cannot have it."""
        seats: list[int] = []
        try:
            seed = request_seed(request)
            for candidate in range(request.n):
                seats.append(self.sampler.add_sequence(request, candidate, end, seed))
        except (Exception, MemoryError):
            for seat in seats:
                self.sampler.remove_sequence(seat)
            raise
        return seats

    def prepare(self, answering: RunningRequest) -> int:
        """Have the adapter at hand, and recall what was read before; returns of how many tokens."""
        if answering.known is not None:
            self.loaded.decoder.live.activate(answering.known)
        return self.cache.load_prefix(_keys(answering), answering.request.ids, answering.row)

    def end(self, answering: RunningRequest) -> None:
        """Take everything back; slots that may hold no numbers are wiped."""
        wipe = answering.touched if answering.doubtful else 0
        for candidate in answering.candidates:
            self.cache.free(candidate.row, wipe)
            self.sampler.remove_sequence(candidate.dice)
        if answering.known is not None:
            self.loaded.decoder.live.deactivate(answering.known)

    def remember(self, answering: RunningRequest) -> None:
        """Keep what the place's next turn will begin with, and the beginning that other places share."""
        request, row = answering.request, answering.row
        *own, shared = _keys(answering)
        try:
            self.cache.store_shared_prefix(shared[0], request.ids[: request.shared], row)
            for key in own if row.length else ():
                self.cache.store_prefix(key, (*request.ids, *answering.candidates[0].tokens), row)
        except (RuntimeError, MemoryError):  # no memory for a copy: the next turn reads its prompt again
            self.cache.release_unused()

    @property
    def memory(self) -> dict[str, int]:
        """Bytes by part."""
        return {
            "weights": self.loaded.bytes,
            "known adapters": self.adapters.bytes,
            "live adapters": self.loaded.decoder.live.bytes,
            "running rows": self.cache.slab_bytes,
            "remembered": self.cache.prefix_bytes,
        }


def _keys(answering: RunningRequest) -> list[tuple[Any, ...]]:
    """Under what a row's keys and values may be used again: its place, and its shared beginning."""
    request = answering.request
    under = (answering.known, request.strength if answering.known else 1.0)
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
