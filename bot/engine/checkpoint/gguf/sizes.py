"""The sizes of a model by its metadata, checked against each other and against the tensors."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.directory import TensorEntry
from bot.engine.checkpoint.gguf.metadata import Metadata


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """Sizes of a model, in numbers, and `layers` in layers."""

    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    context: int


def read_sizes(metadata: Metadata, architecture: str, tensors: Mapping[str, TensorEntry]) -> ModelSizes:
    """Return the sizes of a model; raises `BrokenGguf` where they are missing or fit no model."""

    def size(key: str, otherwise: int | None = None) -> int:
        return _size(metadata, f"{architecture}.{key}", otherwise)

    hidden, heads = size("embedding_length"), size("attention.head_count")
    head = size("attention.key_length", hidden // heads)
    sizes = ModelSizes(
        vocabulary=_vocabulary(tensors),
        hidden=hidden,
        inner=size("feed_forward_length"),
        layers=size("block_count"),
        heads=heads,
        kv_heads=size("attention.head_count_kv", heads),
        head=head,
        context=size("context_length"),
    )
    if size("attention.value_length", head) != head:
        raise BrokenGguf("its keys and values are of different sizes")
    if heads % sizes.kv_heads or head % 2:
        raise BrokenGguf(f"it has {heads} heads of {head} numbers for {sizes.kv_heads} of keys")
    if sizes.layers > len(tensors):
        raise BrokenGguf(f"it names {sizes.layers:,} layers and has {len(tensors):,} tensors")
    return sizes


def _size(metadata: Metadata, key: str, otherwise: int | None) -> int:
    value = _common_size(metadata, key) if metadata.is_array(key) else metadata.get_whole(key)
    value = otherwise if value is None else value
    if not value:
        raise BrokenGguf(f"it does not say its {key}")
    return value


def _common_size(metadata: Metadata, key: str) -> int:
    """Return the number that a list holds for every layer."""
    numbers = metadata.get_numbers(key)
    distinct = {float(number) for number in numbers} if numbers is not None else set()
    if len(distinct) != 1 or not (number := distinct.pop()).is_integer() or number < 1:
        raise BrokenGguf(f"its layers differ in {key}")
    return int(number)


def _vocabulary(tensors: Mapping[str, TensorEntry]) -> int:
    if (embeddings := tensors.get("token_embd.weight")) is None:
        raise BrokenGguf("it has no token_embd.weight")
    return embeddings.rows
