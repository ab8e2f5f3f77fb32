"""KV slots, sampler state, LoRA adapter, prefix cache entry of a request."""

from collections.abc import Collection
from typing import Any

from bot.engine.attention.kv_cache import KVCache
from bot.engine.core.beam_request import BeamRequest
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.request_state import RunningRequest
from bot.engine.core.thoughts import ThoughtTokens
from bot.engine.interface import (
    MAX_BEAMS,
    MAX_BIAS,
    MAX_BIASES,
    MAX_LENGTH_PENALTY,
    MAX_LOGPROBS,
    Request,
)
from bot.engine.lora.registry import AdapterRegistry
from bot.engine.model_loader.loader import LoadedModel
from bot.engine.sampling.card_sampler import CardSampler
from bot.engine.sampling.sampler import Sampler
from bot.engine.sampling.sampler_slots import request_seed
from bot.errors import UserError


class RequestResources:
    """Pools that running requests share: KV cache, sampler, adapters. Belongs to the engine's thread."""

    def __init__(self, loaded: LoadedModel, max_sequences: int) -> None:
        """`max_sequences` is the most sequences that run at once."""
        self.loaded, self.max_sequences = loaded, max_sequences
        self.adapters = AdapterRegistry()
        if loaded.budgets:
            loaded.runner.active_adapters.limit = sum(budget.adapters for budget in loaded.budgets)
        self.cache = KVCache(loaded.cache_bytes, loaded.runner.token_bytes)
        self._thoughts = ThoughtTokens.of(loaded.tokenizer, loaded.tokenizer.decode_bytes)
        self._vocabulary = loaded.runner.vocabulary
        sampler = CardSampler if loaded.runner.lays_out_for_cards else Sampler
        self.sampler = sampler(self._vocabulary, max_sequences, loaded.runner.device)

    def allocate(self, stream: OutputStream, running: int) -> RunningRequest | None:
        """Allocate KV and sampler slots beside `running` sequences; return None while there is no room.

        Raises `UserError` if there will never be room, and `ValueError` for ids outside the vocabulary
        and for biases or a count of logprobs that no request may have.
        """
        request, loaded = stream.request, self.loaded
        room = _max_answer_tokens(request.ids, self._vocabulary, loaded.context)
        _check_logits(request, self._vocabulary)
        _check_beams(request)
        adapter = self.adapters.resolve(request.adapter, request.strength)
        max_tokens = min(room, request.sampling.max_tokens)
        thinking_tokens = min(room - max_tokens, request.thinking_budget)
        capacity = len(request.ids) + max_tokens + thinking_tokens
        if request.rows > self.max_sequences or not self.cache.fits_budget(capacity, request.rows):
            fewer = "fewer beams, " if request.beams > 1 else ""
            raise UserError(
                f"There is not enough memory for this request: try {fewer}a shorter message, a smaller "
                "context, or a larger [model] cache."
            )
        fits = running + request.rows <= self.max_sequences and (
            adapter is None or self.loaded.runner.active_adapters.has_room(adapter)
        )
        kv_slots = self.cache.allocate(capacity, request.rows) if fits else None
        if kv_slots is None:
            return None
        stop_ids = request.stop_ids or loaded.tokenizer.end
        try:
            sampler_slots = self._join_sampler(request, stop_ids)
        except (Exception, MemoryError):
            for kv_slot in kv_slots:
                self.cache.free(kv_slot)
            raise
        kind = BeamRequest if request.beams > 1 else RunningRequest
        running_request = kind(stream, adapter, self._thoughts, stop_ids, max_tokens, thinking_tokens)
        running_request.start(kv_slots, sampler_slots)
        return running_request

    def _join_sampler(self, request: Request, stop_ids: Collection[int]) -> list[int]:
        """Take a sampler slot for each candidate or beam, or none when one of them fails."""
        slots: list[int] = []
        try:
            seed = request_seed(request)
            for candidate in range(request.rows):
                slots.append(self.sampler.add_sequence(request, candidate, stop_ids, seed))
        except (Exception, MemoryError):
            for slot in slots:
                self.sampler.remove_sequence(slot)
            raise
        return slots

    def activate(self, request: RunningRequest) -> int:
        """Load the adapter into a slot and fill the prompt's KV slot from the prefix cache.

        Returns the number of prompt tokens that the prefix cache held.
        """
        if request.adapter is not None:
            self.loaded.runner.active_adapters.activate(request.adapter)
        return self.cache.load_prefix(_prefix_keys(request), request.request.ids, request.prompt_slot)

    def release_unused(self) -> bool:
        """Give back prefixes, empty slabs and slots of adapters that nobody uses; return whether any were."""
        slots_released = self.loaded.runner.active_adapters.release_unused()
        return self.cache.release_unused() or slots_released

    def release(self, request: RunningRequest) -> None:
        """Give all slots back; a KV slot that may hold NaN is wiped."""
        for sequence in request.sequences:
            self.cache.free(sequence.kv_slot, request.unchecked(sequence))
            self.sampler.remove_sequence(sequence.sampler_slot)
        if request.adapter is not None:
            self.loaded.runner.active_adapters.deactivate(request.adapter)

    def cache_prefix(self, request: RunningRequest) -> None:
        """Keep keys and values for the place's next turn, and of the beginning that other places share."""
        asked, kv_slot = request.request, request.prompt_slot
        *own, shared = _prefix_keys(request)
        try:
            self.cache.store_shared_prefix(shared[0], asked.ids[: asked.shared], kv_slot)
            first = request.sequences[0]
            ids = (*asked.ids, *first.tokens)[: first.checked or kv_slot.length]
            for key in own if ids else ():
                self.cache.store_prefix(key, ids, kv_slot)
        except (RuntimeError, MemoryError):  # no memory for a copy: the next turn prefills its whole prompt
            self.cache.release_unused()

    def close(self) -> None:
        """Let go of keys and values at once: slots in use and their slabs hold each other."""
        for slab in self.cache.slabs:
            slab.used_slots.clear()
        self.cache.release_unused()

    @property
    def memory(self) -> dict[str, int]:
        """Bytes by part."""
        return {
            "weights": self.loaded.bytes,
            "registered adapters": self.adapters.bytes,
            "active adapters": self.loaded.runner.active_adapters.bytes,
            "running sequences": self.cache.slab_bytes,
            "prefix cache": self.cache.prefix_bytes,
        }


def _prefix_keys(request: RunningRequest) -> list[tuple[Any, ...]]:
    """Keys of the prefix cache under which keys and values may be reused: place, then shared beginning.

    Both hold the adapter and its strength, which change every key and value.
    """
    asked = request.request
    adapter = (request.adapter, asked.strength if request.adapter else 1.0)
    own = [(asked.place, *adapter)] if asked.place is not None else []
    return [*own, (adapter, asked.ids[: asked.shared])]


def _max_answer_tokens(ids: tuple[int, ...], vocabulary: int, context: int) -> int:
    """Return the most tokens of an answer behind this prompt; raises as `RequestResources.allocate`."""
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


def _check_logits(request: Request, vocabulary: int) -> None:
    """Raise `ValueError` for a bias or a count of logprobs that no request may have."""
    if not 0 <= (request.logprobs or 0) <= MAX_LOGPROBS:
        raise ValueError(f"The likeliest tokens of a step are at most {MAX_LOGPROBS}: set logprobs to that.")
    if len(request.logit_bias) > MAX_BIASES:
        raise ValueError(f"A request has at most {MAX_BIASES:,} biases: leave some out.")
    if not all(0 <= token < vocabulary for token in request.logit_bias):
        raise ValueError("A bias is for an id that the model does not know.")
    if not all(abs(bias) <= MAX_BIAS for bias in request.logit_bias.values()):
        raise ValueError(f"A bias goes from {-MAX_BIAS:g} to {MAX_BIAS:g}.")


def _check_beams(request: Request) -> None:
    """Raise `ValueError` for a beam search that no request may have."""
    if not 1 <= request.beams <= MAX_BEAMS:
        raise ValueError(f"An answer has from 1 to {MAX_BEAMS} beams: set beams to that.")
    if request.beams > 1 and request.n > 1:
        raise ValueError("A beam search gives one answer: set n to 1, or beams to 1.")
    if request.beams > 1 and request.logprobs is not None:
        raise ValueError("A beam search tells no log probabilities: leave logprobs out, or set beams to 1.")
    if not abs(request.length_penalty) <= MAX_LENGTH_PENALTY:
        most = f"{MAX_LENGTH_PENALTY:g}"
        raise ValueError(f"A length penalty goes from -{most} to {most}: set length_penalty to that.")
