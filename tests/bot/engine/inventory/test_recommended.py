"""The table of config.toml for machines without a card is what the code computes of the models' sizes."""

from math import prod

import pytest

from bot.config import ModelSettings
from bot.engine.checkpoint.gguf.tensor_types import TENSOR_TYPES
from bot.engine.inventory.recommended import recommendations, table_lines
from tests.fakes.card.models import SIZES
from tests.gpu.models import size_of
from tests.paths import ROOT

HEADER = 6_000_000  # bytes of a file that hold 151,936 tokens and their merges
TYPES = {kind.name: (kind.values, kind.bytes) for kind in TENSOR_TYPES.values()}
FALLBACK = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}  # of rows that are no whole blocks of 256
MODELS = {one.name: one.header for one in recommendations()}


def test_the_table_is_what_the_code_computes() -> None:
    text = (ROOT / "config.toml").read_text("utf-8")
    assert "\n".join(table_lines(ModelSettings())) in text
    assert [line for line in text.splitlines() if " GB: " in line] == list(table_lines(ModelSettings()))


def test_every_size_of_memory_has_a_model_with_two_rows() -> None:
    lines = list(table_lines(ModelSettings()))
    assert sorted({int(line[1:6]) for line in lines}) == [4, 8, 16, 32]
    assert all(int(line.split()[-2]) >= 2 for line in lines)


@pytest.mark.parametrize("name", MODELS)
def test_a_recommended_model_has_the_sizes_of_its_config(name: str) -> None:
    header, size = MODELS[name], size_of(name.partition("/")[2])
    _, hidden, intermediate, layers, heads, kv_heads, head_size, vocabulary, tied = SIZES[size]
    assert (header.hidden, header.intermediate, header.layers) == (hidden, intermediate, layers)
    assert (header.heads, header.kv_heads, header.head_size) == (heads, kv_heads, head_size)
    assert (header.vocabulary, header.table) == (vocabulary, vocabulary * hidden)
    assert header.head == (0 if tied else header.table)
    tensors = list(q4_k_m(size))
    assert header.parameters == sum(prod(shape) for shape, _ in tensors)
    assert header.bytes == HEADER + sum(stored_bytes(shape, kind) for shape, kind in tensors)
    assert (header.family, header.standing, header.bits) == ("qwen2", "served", "Q4_K_M")


def q4_k_m(size: str) -> list[tuple[tuple[int, ...], str]]:
    """Return shape and type of every tensor of a Qwen2.5 in llama.cpp's mixture Q4_K_M."""
    _, hidden, intermediate, layers, heads, kv_heads, head_size, vocabulary, tied = SIZES[size]
    query, key = heads * head_size, kv_heads * head_size
    tensors: list[tuple[tuple[int, ...], str]] = [((vocabulary, hidden), "Q6_K"), ((hidden,), "F32")]
    tensors += [] if tied else [((vocabulary, hidden), "Q4_K")]
    for layer in range(layers):
        better = "Q6_K" if has_more_bits(layer, layers) else "Q4_K"
        tensors += [((query, hidden), "Q4_K"), ((key, hidden), "Q4_K"), ((key, hidden), better)]
        tensors += [((hidden, query), "Q4_K"), ((hidden, intermediate), better)]
        tensors += [((intermediate, hidden), "Q4_K")] * 2
        tensors += [((one,), "F32") for one in (hidden, hidden, query, key, key)]
    return tensors


def has_more_bits(layer: int, layers: int) -> bool:
    """Return whether the mixture gives a layer's values and down projections 6 bits."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def stored_bytes(shape: tuple[int, ...], kind: str) -> int:
    values, size = TYPES[kind]
    if shape[-1] % values:
        values, size = TYPES[FALLBACK[kind]]
    return prod(shape) // values * size
