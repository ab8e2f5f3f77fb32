"""Main memory of a model on a CPU, planned from its files' headers: nothing is loaded that cannot fit.

A GGUF file lies mapped unless the settings name a precision; a folder in nf4 or int8 is packed, its embedding
and head in 8 bits. Keys and values have the dtype of activations: float32 under packed weights or without
instructions for bfloat16, else bfloat16.
"""

from dataclasses import dataclass

from bot.config import ModelSettings
from bot.engine.attention.forward_batch import MAX_CHUNK
from bot.engine.attention.kv_cache import MIN_CAPACITY
from bot.engine.checkpoint.model_header import ModelHeader
from bot.engine.model_loader.memory_budget import ADAPTER_RANK, ADAPTERS, MIN_TOKENS, SAMPLING_BYTES
from bot.engine.model_loader.memory_prediction import HIDDEN_WIDTHS, MLP_WIDTHS, SCORE_BYTES
from bot.engine.model_loader.quantization import Precision
from bot.engine.quantization.block_types import BLOCK_TYPES

PROGRAM_BYTES = (
    450 << 20
)  # Python, torch, transformers, the tokenizer: measured with a model of 130,000 numbers
MIN_CACHE_BYTES, MAX_CACHE_BYTES = 512 << 20, 4 << 30  # of keys and values, without [model] cache
_WIDE = 2  # bytes of a number of embeddings and head beside quantised layers that are not packed
_QUANTISED: tuple[Precision, ...] = ("nf4", "int8")
_BYTES: dict[Precision, float] = {
    "nf4": BLOCK_TYPES["NF4"].bits / 8,
    "int8": BLOCK_TYPES["INT8"].bits / 8,
    "bf16": 2,
    "fp16": 2,
    "fp32": 4,
}


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes of main memory by part. `free`: what programs could take before the model is loaded.

    `program`: what this process will take for itself beside what it has; `step`: activations and scores of
    the largest step; `adapters`: those that find room; `room`: what all that leaves for keys and values, of
    which they take `cache`; `context`: in tokens.
    """

    free: int
    program: int
    weights: int
    step: int
    adapters: int
    room: int
    cache: int
    token_bytes: int
    context: int

    @property
    def needed(self) -> int:
        """The least bytes with which one chat can be held, without adapters."""
        return self.program + self.weights + self.step + MIN_TOKENS * self.token_bytes

    @property
    def fits(self) -> bool:
        """True where one chat can be held."""
        return self.needed <= self.free

    @property
    def tokens(self) -> int:
        """The tokens of all chats together."""
        return self.cache // max(1, self.token_bytes) if self.fits else 0

    def rows(self, length: int) -> int:
        """Return the count of chats of so many tokens that find room at once."""
        return self.tokens // _capacity(length)

    def most_rows(self, length: int) -> int:
        """Return that count where [model] cache gives all of the room to keys and values."""
        return self.room // max(1, self.token_bytes) // _capacity(length) if self.fits else 0


def plan_memory(
    header: ModelHeader,
    settings: ModelSettings,
    free: int,
    weights: int,
    number_bytes: int,
    held: int = 0,
) -> MemoryPlan:
    """Plan a model's memory in bytes. `number_bytes`: of an activation; `held`: what this process has."""
    context = min(settings.context, header.context or settings.context)
    step = _step_bytes(header, context, number_bytes) + settings.rows * header.vocabulary * SAMPLING_BYTES
    adapters = ADAPTERS * ADAPTER_RANK * header.lora_width * number_bytes
    program = max(0, PROGRAM_BYTES - held)
    token_bytes = header.kv_numbers * number_bytes
    room = max(MIN_TOKENS * token_bytes, free - program - weights - step - adapters)
    return MemoryPlan(
        free=free,
        program=program,
        weights=weights,
        step=step,
        adapters=adapters,
        room=room,
        cache=min(settings.cache << 20 or default_cache_bytes(free), room),
        token_bytes=token_bytes,
        context=context,
    )


def default_cache_bytes(free: int) -> int:
    """Return the bytes for keys and values on a CPU that has so many free."""
    return max(MIN_CACHE_BYTES, min(MAX_CACHE_BYTES, free // 4))


def weight_bytes_on_cpu(header: ModelHeader, precision: Precision, *, packed: bool) -> int:
    """Return the bytes of a model's weights in a precision; stored quantised weights keep theirs.

    `packed`: a GGUF file lies as it is, and of a folder the embedding and the head are packed as well.
    """
    stored = _stored_precision(header)
    if (header.is_gguf and packed) or (stored and not packed):
        return header.bytes
    precision, rest = stored or precision, header.table + header.head
    table = _BYTES["int8"] if packed else _WIDE if precision in _QUANTISED else _BYTES[precision]
    return int(_BYTES[precision] * (header.parameters - rest) + table * rest)


def is_packed(header: ModelHeader, settings: ModelSettings, precision: Precision) -> bool:
    """Return whether a model that would be loaded in a precision is served packed on a CPU."""
    if header.is_gguf:
        return settings.precision == "auto"
    return header.is_packable and (_stored_precision(header) or precision) in _QUANTISED


def _stored_precision(header: ModelHeader) -> Precision | None:
    return next((each for each in _QUANTISED if header.bits == each), None)


def _step_bytes(header: ModelHeader, context: int, number_bytes: int) -> int:
    """Return the bytes that a layer takes for the last chunk of a prompt of `context` tokens."""
    widths = MLP_WIDTHS * header.intermediate + HIDDEN_WIDTHS * header.hidden
    scores = SCORE_BYTES * header.heads * MAX_CHUNK * context if header.is_scored else 0
    return max(number_bytes * MAX_CHUNK * widths, scores)


def _capacity(length: int) -> int:
    """Return the tokens of the smallest slot for a chat of so many."""
    return -(-length // MIN_CAPACITY) * MIN_CAPACITY
