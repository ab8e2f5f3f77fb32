"""Records of the C harness, and the formula of each operation in float64."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bot.engine.kernels.structs import QUANTISED_TYPES
from bot.engine.quantization.block_types import BLOCK_TYPES
from bot.engine.quantization.dequantization import dequantise
from bot.engine.quantization.packed_matrix import PackedMatrix

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
RESULTS = {
    "rms_norm": "y",
    "silu_and_mul": "y",
    "rotary_embedding": "y",
    "decode_attention": "out",
    "add_lora": "y",
    "quantised_matmul": "y",
}
_INT8_FACTOR = 2.0**24  # as in `lora_slots.py`


@dataclass(frozen=True)
class Case:
    """One call of an operation: its settings, then its records by name."""

    operation: str
    settings: tuple[float, ...]
    records: dict[str, Floats]

    def __str__(self) -> str:
        return f"{self.operation} {self.settings}"

    def __getitem__(self, name: str) -> Floats:
        return self.records[name]

    @property
    def is_f32(self) -> bool:
        return bool(self.settings[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        """All settings behind `is_f32`, as integers."""
        return tuple(int(number) for number in self.settings[1:])

    @property
    def result(self) -> Floats:
        return self.records[RESULTS[self.operation]]

    @property
    def inputs(self) -> dict[str, Floats]:
        """The records that no operation computed."""
        return {name: record for name, record in self.records.items() if name != RESULTS.get(self.operation)}

    def wide(self, name: str, *shape: int) -> Doubles:
        return self.records[name].astype(np.float64).reshape(shape)


def read_cases(output: bytes) -> tuple[str, tuple[Case, ...]]:
    """Return the harness's first line, `simd_name`, and its cases."""
    records = [*_records(output)]
    starts = [
        n for n, (name, _) in enumerate(records) if name in (*RESULTS, "rounding", "lanes", "exponentials")
    ]
    bounds = zip(starts, [*starts[1:], len(records)], strict=True)
    cases = [
        Case(records[start][0], tuple(map(float, records[start][1])), dict(records[start + 1 : end]))
        for start, end in bounds
    ]
    return records[0][0], tuple(cases)


def _records(output: bytes) -> Iterator[tuple[str, Floats]]:
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        name, count = output[at:end].decode().rsplit(" ", 1)
        at = end + 1 + 4 * int(count)
        yield name, np.frombuffer(output[end + 1 : at], np.float32)


def rms_norm(case: Case) -> Doubles:
    groups, rows, size = case.sizes
    x = case.wide("x", groups, -1, size)[:, :rows]
    return x / np.sqrt((x * x).sum(-1, keepdims=True) + 0.5) * case.wide("weight", size)


def silu_and_mul(case: Case) -> Doubles:
    rows, size = case.sizes
    gate, up = np.split(case.wide("x", rows, 2 * size), 2, axis=1)
    return gate / (1 + np.exp(-gate)) * up


def rotary_embedding(case: Case) -> Doubles:
    tokens, heads, rotated, size = case.sizes
    x = case.wide("x", tokens, heads, size)
    cosines, sines = (case.wide(name, tokens, 1, size) for name in ("cosines", "sines"))
    swapped = np.concatenate((-x[..., size // 2 :], x[..., : size // 2]), -1)
    turned = x * cosines + swapped * sines
    turned[:, rotated:] = x[:, rotated:]
    return turned


def decode_attention(case: Case) -> Doubles:
    slots, capacity, heads, _, size, window, softcap = case.sizes
    cache = case.wide("cache", 2, slots, heads, capacity, size)
    answers = []
    for (token, slot, length), queries in _queries(case):
        keys, values = cache[:, slot, :, : length + 1]
        scores = 0.2 * np.einsum("hgd,hld->hgl", queries[token], keys)
        if softcap:
            scores = np.tanh(scores / softcap) * softcap
        if window:
            scores[..., : max(0, length + 1 - window)] = -np.inf
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        answers.append(np.einsum("hgl,hld->hgd", weights / weights.sum(-1, keepdims=True), values))
    return np.stack(answers)


def _queries(case: Case) -> Iterator[tuple[tuple[int, int, int], Doubles]]:
    _, _, heads, group, size, _, _ = case.sizes
    joined = case.wide("joined", -1, (group + 2) * heads * size)
    queries = joined[:, : group * heads * size].reshape(-1, heads, group, size)
    for token, slot, length in case["targets"].astype(int).reshape(-1, 3):
        yield (int(token), int(slot), int(length)), queries


def appended_pairs(case: Case) -> Iterator[tuple[Doubles, Doubles]]:
    """Yield what each token's place in the cache holds, and the token's own key and value."""
    slots, capacity, heads, group, size, _, _ = case.sizes
    cache = case.wide("cache", 2, slots, heads, capacity, size)
    own = case.wide("joined", -1, group + 2, heads, size) if heads else case.wide("joined")
    for token, slot, length in case["targets"].astype(int).reshape(-1, 3):
        yield cache[:, slot, :, length], own[token, group:]


def add_lora(case: Case) -> Doubles:
    held, inputs, blocks, parts, rank, width, tokens = case.sizes
    a = _rows(case.wide("a", held, inputs // 4, parts * rank, 4)) * case.wide("a_scales", held, inputs, 1)
    b = _rows(case.wide("b", held, blocks, rank // 4, width, 4)) * case.wide(
        "b_scales", held, blocks, rank, 1
    )
    part_of = [0, 0, 1, 2][:blocks]
    x, y = case.wide("x", tokens, inputs), case.wide("before", tokens, blocks * width).copy()
    for n, slot in enumerate(case["slots"].astype(int)):
        inner = (x[2 * n] @ a[slot] * _INT8_FACTOR).reshape(parts, rank)
        change = [inner[part] @ b[slot, block] * _INT8_FACTOR for block, part in enumerate(part_of)]
        y[2 * n] += float(case["strengths"][n]) * np.concatenate(change)
    return y


def quantised_matmul(case: Case) -> Doubles:
    """The product of activations that are rounded to 8 bits in blocks of 32."""
    number, columns, first, second, tokens = case.sizes
    kind = BLOCK_TYPES[QUANTISED_TYPES[number]]
    packed = torch.from_numpy(case["weights"].astype(np.uint8).reshape(first + second, -1))
    weight = dequantise(PackedMatrix(packed, kind)).numpy().astype(np.float64)
    weight[first:] = weight[first:][::-1].copy()
    blocks = case.wide("x", tokens, columns // 32, 32)
    scales = np.abs(blocks).max(-1, keepdims=True) / 127
    rounded = (np.rint(blocks / scales) * scales).reshape(tokens, columns)
    return rounded @ weight.T + case.wide("bias", -1)


def _rows(packed: Doubles) -> Doubles:
    """[.., rows / 4, columns, 4] -> [.., rows, columns]."""
    swapped = np.swapaxes(packed, -1, -2)
    return swapped.reshape(*packed.shape[:-3], -1, packed.shape[-2])


def rounded_to_bf16(values: Floats) -> Floats:
    """Round to the nearest bfloat16, ties to even, with one NaN for all."""
    bits = values.view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32)
    return np.where(np.isnan(values), np.uint32(0x7FC00000), rounded).astype(np.uint32).view(np.float32)


FORMULAS: dict[str, Callable[[Case], Doubles]] = {
    function.__name__: function
    for function in (rms_norm, silu_and_mul, rotary_embedding, decode_attention, add_lora, quantised_matmul)
}
