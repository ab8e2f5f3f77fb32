"""The operations of `csrc/`: each is the plain formula, in float32 and in bfloat16."""

import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear, silu

from bot.engine.kernels import toolchain
from bot.engine.kernels.attention import AttentionShape
from bot.engine.kernels.bf16_matmul import AmxMatmul, PackedMatmul, has_onednn_bf16
from bot.engine.kernels.compiler import load_library
from bot.engine.kernels.lora_slots import FloatSlots, Int8Slots, LoraSlots, SlotSizes, resize_slots
from bot.engine.kernels.native import MAX_AMX_ROWS, LoraTokens, Native

LIBRARY = load_library()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="this machine compiles no library")
DTYPES = [torch.float32, torch.bfloat16]


@pytest.fixture(scope="module", autouse=True, params=["this CPU", "without AVX-512"])
def _vectors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run all tests with AVX-512 and, as on other CPUs, without."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "without AVX-512":
            if platform.machine() != "x86_64":
                pytest.skip("no other width for this kind of processor")
            patch.setattr(toolchain, "FLAGS", [*toolchain.FLAGS, "-mno-avx512f"])
            patch.setattr(sys.modules[__name__], "LIBRARY", load_library(tmp_path_factory.mktemp("native")))
        yield


def native(dtype: torch.dtype = torch.bfloat16) -> Native:
    assert LIBRARY is not None
    return Native(LIBRARY, dtype)


def random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def close(mine: Tensor, expected: Tensor) -> bool:
    """Return whether two tensors agree to about half a unit in the last place of their dtype."""
    allowed = 5e-3 if mine.dtype == torch.bfloat16 else 1e-5
    return bool((mine.float() - expected).norm() <= allowed * expected.norm())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [8, 24, 576])
def test_rms_norm_reads_groups_with_a_stride(dtype: torch.dtype, size: int) -> None:
    whole, weight = random(5, 7, size, dtype=dtype), random(size, seed=2)
    part = whole[:, 2:5]
    expected = part.float() * (part.float().square().sum(-1, keepdim=True) + 0.5).rsqrt() * weight
    assert close(native(dtype).rms_norm(part, weight, 0.5), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_silu_and_mul_is_silu_times_the_other_half(dtype: torch.dtype) -> None:
    x = random(1, 3, 70, dtype=dtype) * 40  # beyond where a power overflows
    expected = silu(x.float()[..., :35]) * x.float()[..., 35:]
    assert close(native(dtype).silu_and_mul(x), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rotary_embedding_turns_only_the_first_heads(dtype: torch.dtype) -> None:
    x, cos, sin = (random(*shape, dtype=dtype) for shape in ((4, 5, 16), (1, 4, 16), (1, 4, 16)))
    wide = x.float()
    swapped = torch.cat((-wide[..., 8:], wide[..., :8]), -1)
    expected = wide * cos.float()[0, :, None] + swapped * sin.float()[0, :, None]
    expected[:, 3:] = wide[:, 3:]
    native(dtype).rotary_embedding(x, 3, cos, sin)
    assert close(x, expected)


def attended(query: Tensor, keys: Tensor, values: Tensor, shape: AttentionShape) -> Tensor:
    """Return one token's attention: query [heads, size], keys and values [kv heads, length, size]."""
    group, length = query.shape[0] // keys.shape[0], keys.shape[1]
    scores = torch.einsum("hd,hld->hl", query, keys.repeat_interleave(group, 0)) * shape.scale
    if shape.softcap:
        scores = torch.tanh(scores / shape.softcap) * shape.softcap
    if shape.window:
        scores[:, : max(0, length - shape.window)] = float("-inf")
    return torch.einsum("hl,hld->hd", scores.softmax(-1), values.repeat_interleave(group, 0)).flatten()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [32, 64, 96, 128, 256])
@pytest.mark.parametrize(
    "shape", [AttentionShape(0.2), AttentionShape(0.2, window=9), AttentionShape(0.3, softcap=2.0)]
)
@pytest.mark.parametrize("group", [1, 3, 6, 16])
def test_decoding_tokens_attend_over_their_own_slots(
    dtype: torch.dtype, size: int, shape: AttentionShape, group: int
) -> None:
    """Slots of lengths around the chunk of 64 keys, in another order than the tokens."""
    kv_heads, lengths, slots = 2, [0, 1, 63, 64, 130], [3, 0, 4, 1, 2]
    cache = random(2, 6, kv_heads, 140, size, dtype=dtype)
    before = cache.clone()
    joined = random(len(lengths), (group + 2) * kv_heads, size, dtype=dtype, seed=3)
    query, pair = joined[:, : group * kv_heads], joined[:, group * kv_heads :].unflatten(1, (2, kv_heads))
    out = torch.full((len(lengths), group * kv_heads, size), float("nan"), dtype=dtype)
    rows = [(place, slots[place], length) for place, length in enumerate(lengths)]
    native(dtype).decode_attention(
        query, pair, cache, out, _ints([one for row in rows for one in row]), shape
    )
    for place, slot, length in rows:
        before[:, slot, :, length] = pair[place]
        keys, values = before[:, slot, :, : length + 1].float()
        assert close(out[place].flatten(), attended(query[place].float(), keys, values, shape))
    assert torch.equal(cache, before)  # and nothing else small_slots written


def _ints(values: Sequence[int]) -> Any:
    from bot.engine.kernels.structs import INT

    return (INT * len(values))(*values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "token_slots", [[0], [0, 1, 2], [1] * 9, [0, 0, 2, 2, 2, 2, 2, 1], [0, 0, 1, 0, 0, 0, 0, 2, 0]]
)
@pytest.mark.parametrize(("inputs", "blocks", "rank"), [(96, (0,), 16), (100, (0, 0, 1, 2), 32)])
def test_add_lora_takes_the_matrices_of_each_tokens_slot(
    dtype: torch.dtype, token_slots: list[int], inputs: int, blocks: tuple[int, ...], rank: int
) -> None:
    sizes, held = SlotSizes(inputs, len(set(blocks)), blocks, rank, 48), []
    slots = Int8Slots(3, sizes)
    for slot in range(3):
        a, b = random(inputs, sizes.parts * rank, seed=slot), random(len(blocks), rank, 48, seed=9 + slot)
        slots.set_lora(slot, a, b)
        held.append(slots.get_lora(slot, torch.float32))
    x, y = random(20, inputs, dtype=dtype), random(20, 48 * len(blocks), dtype=dtype, seed=5)
    tokens = [(2 * n, slot, 1.5 if n % 2 else 0.5) for n, slot in enumerate(token_slots)]
    expected = y.float().clone()
    for place, slot, strength in tokens:
        a, b = held[slot]
        inner = (x[place].float() @ a).view(-1, rank)
        expected[place] += strength * torch.cat([inner[part] @ b[n] for n, part in enumerate(blocks)])
    native(dtype).add_lora(slots, x, y, LoraTokens(tokens))
    assert close(y, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("token_slots", [[0], [1, 1], [0, 1, 2], [2] * 13])
def test_threads_that_share_a_lora_leave_every_bit(dtype: torch.dtype, token_slots: list[int]) -> None:
    slots, threads, found = (
        Int8Slots(3, SlotSizes(2500, 3, (0, 0, 1, 2), 16, 48)),
        torch.get_num_threads(),
        [],
    )
    for slot in range(3):
        slots.set_lora(slot, random(2500, 48, seed=slot), random(4, 16, 48, seed=9 + slot))
    for count in (1, 2, 3, 14):
        torch.set_num_threads(count)
        y = random(13, 192, dtype=dtype, seed=5)
        tokens = LoraTokens([(n, slot, 0.5 + n) for n, slot in enumerate(token_slots)])
        native(dtype).add_lora(slots, random(13, 2500, dtype=dtype), y, tokens)
        found.append(y)
    torch.set_num_threads(threads)
    assert all(torch.equal(each, found[0]) for each in found)


@pytest.mark.skipif(not has_onednn_bf16("cpu"), reason="oneDNN has no bfloat16 on this CPU")
@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, MAX_AMX_ROWS, MAX_AMX_ROWS + 1])
@pytest.mark.parametrize(("out", "inputs"), [(32, 32), (96, 64), (64, 160), (40, 32), (64, 40)])
@pytest.mark.parametrize("biased", [False, True])
def test_an_amx_product_is_that_of_onednn(rows: int, out: int, inputs: int, biased: bool) -> None:
    """Bit by bit without a bias, whose sum is rounded twice here; also for sizes that fit no tiles."""
    if not native().has_amx:
        pytest.skip("this CPU has no AMX")
    x, weight = random(rows, inputs, dtype=torch.bfloat16), random(out, inputs, dtype=torch.bfloat16, seed=2)
    bias = random(out, dtype=torch.bfloat16, seed=3) if biased else None
    tiled = AmxMatmul(weight, bias, native())
    assert (tiled.block_width is None) == (out == 40 or inputs == 40)
    if biased:
        assert bias is not None
        assert close(tiled(x), linear(x.float(), weight.float(), bias.float()))
    else:
        assert torch.equal(tiled(x), PackedMatmul(weight, None)(x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", ["rms_norm", "silu_and_mul", "decode_attention", "add_lora"])
def test_nan_stays_nan(dtype: torch.dtype, operation: str) -> None:
    """A NaN appears in its own token's result, and in no other."""
    x = random(1, 2, 64, dtype=dtype)
    x[0, 1, 3] = float("nan")
    slots = Int8Slots(1, SlotSizes(64, 1, (0,), 16, 64))
    slots.set_lora(0, random(64, 16), random(1, 16, 64))

    def attend() -> Tensor:
        query, out = x.view(2, 1, 64), x.new_zeros(2, 1, 64)
        pair, cache = random(2, 2, 1, 64, dtype=dtype), random(2, 2, 1, 9, 64, dtype=dtype)
        native(dtype).decode_attention(
            query, pair, cache, out, _ints([0, 1, 3, 1, 0, 5]), AttentionShape(0.1)
        )
        return out.view(1, 2, 64)

    def add_lora() -> Tensor:
        y = x.new_zeros(2, 64)
        native(dtype).add_lora(slots, x[0], y, LoraTokens([(0, 0, 1.0), (1, 0, 1.0)]))
        return y[None]

    calls: dict[str, Callable[[], Tensor]] = {
        "rms_norm": lambda: native(dtype).rms_norm(x, torch.ones(64), 1e-5),
        "silu_and_mul": lambda: native(dtype).silu_and_mul(x),
        "decode_attention": attend,
        "add_lora": add_lora,
    }
    found = calls[operation]()[0]
    assert found[0].isfinite().all()
    assert found[1].isnan().any()


def test_int8_slots_hold_every_row_to_half_a_step() -> None:
    a, b = random(64, 32) * torch.logspace(-6, 2, 64)[:, None], random(3, 16, 48)
    a[5] = 0
    slots = Int8Slots(2, SlotSizes(64, 2, (0, 0, 1), 16, 48))
    slots.set_lora(1, a, b)
    for matrix, held in zip((a, b), slots.get_lora(1, torch.float32), strict=True):
        step = matrix.abs().amax(-1, keepdim=True) / 127
        assert ((held - matrix).abs() <= step * 0.5001).all()
    assert all(not matrix.any() for matrix in slots.get_lora(0, torch.float32))


@pytest.mark.parametrize("kind", [Int8Slots, lambda count, sizes: FloatSlots(count, sizes, torch.zeros(0))])
@pytest.mark.parametrize("rank", [16, 32])
def test_resizing_slots_keeps_the_adapters(kind: Callable[[int, SlotSizes], LoraSlots], rank: int) -> None:
    small, large = (SlotSizes(64, 2, (0, 0, 1), size, 48) for size in (16, rank))
    small_slots = kind(2, small)
    for slot in range(2):
        small_slots.set_lora(slot, random(64, 32, seed=slot), random(3, 16, 48, seed=slot))
    large_slots = resize_slots(kind(4, large), small_slots)
    for slot in range(2):
        old, new = small_slots.get_lora(slot, torch.float32), large_slots.get_lora(slot, torch.float32)
        torch.testing.assert_close(new[0].view(64, 2, rank)[..., :16], old[0].view(64, 2, 16))
        torch.testing.assert_close(new[1][:, :16], old[1])
        assert new[0].view(64, 2, rank)[..., 16:].eq(0).all()
