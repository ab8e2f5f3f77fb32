"""The operations of native.c: each is the plain formula, on numbers of either kind."""

import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear, silu

from bot.engine.kernels import compiler
from bot.engine.kernels.attention import AttentionShape
from bot.engine.kernels.bf16_matmul import AmxMatmul, PackedMatmul, has_onednn_bf16
from bot.engine.kernels.compiler import load_library
from bot.engine.kernels.lora_slots import FloatSlots, Int8Slots, LoraSlots, SlotSizes, resize_slots
from bot.engine.kernels.native import MAX_AMX_ROWS, LoraTokens, Native

LIBRARY = load_library()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="this machine has no gcc")
DTYPES = [torch.float32, torch.bfloat16]


@pytest.fixture(scope="module", autouse=True, params=["as wide as here", "half as wide"])
def _vectors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All of it also as it is on processors without AVX-512."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "half as wide":
            if platform.machine() != "x86_64":
                pytest.skip("no other width for this kind of processor")
            patch.setattr(compiler, "FLAGS", [*compiler.FLAGS, "-mno-avx512f"])
            patch.setattr(sys.modules[__name__], "LIBRARY", load_library(tmp_path_factory.mktemp("native")))
        yield


def native(dtype: torch.dtype = torch.bfloat16) -> Native:
    assert LIBRARY is not None
    return Native(LIBRARY, dtype)


def random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def close(mine: Tensor, wanted: Tensor) -> bool:
    """Within half a unit of the last place that a number of this kind has, and a little."""
    allowed = 5e-3 if mine.dtype == torch.bfloat16 else 1e-5
    return bool((mine.float() - wanted).norm() <= allowed * wanted.norm())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [8, 24, 576])
def test_a_norm_reads_rows_in_groups_that_lie_apart(dtype: torch.dtype, size: int) -> None:
    whole, weight = random(5, 7, size, dtype=dtype), random(size, seed=2)
    part = whole[:, 2:5]
    wanted = part.float() * (part.float().square().sum(-1, keepdim=True) + 0.5).rsqrt() * weight
    assert close(native(dtype).rms_norm(part, weight, 0.5), wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gate_is_silu_times_the_other_half(dtype: torch.dtype) -> None:
    x = random(1, 3, 70, dtype=dtype) * 40  # beyond where a power overflows
    wanted = silu(x.float()[..., :35]) * x.float()[..., 35:]
    assert close(native(dtype).silu_and_mul(x), wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_only_the_first_heads_turn(dtype: torch.dtype) -> None:
    x, cos, sin = (random(*shape, dtype=dtype) for shape in ((4, 5, 16), (1, 4, 16), (1, 4, 16)))
    wide = x.float()
    swapped = torch.cat((-wide[..., 8:], wide[..., :8]), -1)
    wanted = wide * cos.float()[0, :, None] + swapped * sin.float()[0, :, None]
    wanted[:, 3:] = wide[:, 3:]
    native(dtype).rotary_embedding(x, 3, cos, sin)
    assert close(x, wanted)


def attended(query: Tensor, keys: Tensor, values: Tensor, shape: AttentionShape) -> Tensor:
    """One token's attention: query [heads, size], keys and values [kv heads, length, size]."""
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
def test_single_tokens_attend_over_their_own_rows(
    dtype: torch.dtype, size: int, shape: AttentionShape, group: int
) -> None:
    """Rows of lengths around the chunks that keys are read in, in slots of another order than the tokens."""
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
    assert torch.equal(cache, before)  # and nothing else was written


def _ints(values: Sequence[int]) -> Any:
    from bot.engine.kernels.structs import INT

    return (INT * len(values))(*values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "bays", [[0], [0, 1, 2], [1] * 9, [0, 0, 2, 2, 2, 2, 2, 1], [0, 0, 1, 0, 0, 0, 0, 2, 0]]
)
@pytest.mark.parametrize(("inputs", "blocks", "rank"), [(96, (0,), 16), (100, (0, 0, 1, 2), 32)])
def test_each_token_goes_through_the_matrices_of_its_bay(
    dtype: torch.dtype, bays: list[int], inputs: int, blocks: tuple[int, ...], rank: int
) -> None:
    sizes, held = SlotSizes(inputs, len(set(blocks)), blocks, rank, 48), []
    live = Int8Slots(3, sizes)
    for bay in range(3):
        a, b = random(inputs, sizes.parts * rank, seed=bay), random(len(blocks), rank, 48, seed=9 + bay)
        live.set_lora(bay, a, b)
        held.append(live.get_lora(bay, torch.float32))
    x, y = random(20, inputs, dtype=dtype), random(20, 48 * len(blocks), dtype=dtype, seed=5)
    tokens = [(2 * n, bay, 1.5 if n % 2 else 0.5) for n, bay in enumerate(bays)]
    wanted = y.float().clone()
    for place, bay, strength in tokens:
        a, b = held[bay]
        inner = (x[place].float() @ a).view(-1, rank)
        wanted[place] += strength * torch.cat([inner[part] @ b[n] for n, part in enumerate(blocks)])
    native(dtype).add_lora(live, x, y, LoraTokens(tokens))
    assert close(y, wanted)


@pytest.mark.skipif(not has_onednn_bf16("cpu"), reason="oneDNN has no bfloat16 on this CPU")
@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, MAX_AMX_ROWS, MAX_AMX_ROWS + 1])
@pytest.mark.parametrize(("out", "inputs"), [(32, 32), (96, 64), (64, 160), (40, 32), (64, 40)])
@pytest.mark.parametrize("biased", [False, True])
def test_a_product_by_tiles_is_that_of_onednn(rows: int, out: int, inputs: int, biased: bool) -> None:
    """Bit by bit without a bias, whose sum is rounded once more here; also where sizes fit no tiles."""
    if not native().has_amx:
        pytest.skip("this CPU has no tiles")
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
@pytest.mark.parametrize("operation", ["norm", "gate", "attend", "change"])
def test_a_number_that_broke_is_seen_to_have(dtype: torch.dtype, operation: str) -> None:
    """And in no other token's numbers."""
    x = random(1, 2, 64, dtype=dtype)
    x[0, 1, 3] = float("nan")
    live = Int8Slots(1, SlotSizes(64, 1, (0,), 16, 64))
    live.set_lora(0, random(64, 16), random(1, 16, 64))

    def attend() -> Tensor:
        query, out = x.view(2, 1, 64), x.new_zeros(2, 1, 64)
        pair, cache = random(2, 2, 1, 64, dtype=dtype), random(2, 2, 1, 9, 64, dtype=dtype)
        native(dtype).decode_attention(
            query, pair, cache, out, _ints([0, 1, 3, 1, 0, 5]), AttentionShape(0.1)
        )
        return out.view(1, 2, 64)

    def change() -> Tensor:
        y = x.new_zeros(2, 64)
        native(dtype).add_lora(live, x[0], y, LoraTokens([(0, 0, 1.0), (1, 0, 1.0)]))
        return y[None]

    calls: dict[str, Callable[[], Tensor]] = {
        "norm": lambda: native(dtype).rms_norm(x, torch.ones(64), 1e-5),
        "gate": lambda: native(dtype).silu_and_mul(x),
        "attend": attend,
        "change": change,
    }
    found = calls[operation]()[0]
    assert found[0].isfinite().all()
    assert found[1].isnan().any()


def test_eight_bits_hold_every_row_to_half_a_step() -> None:
    a, b = random(64, 32) * torch.logspace(-6, 2, 64)[:, None], random(3, 16, 48)
    a[5] = 0
    live = Int8Slots(2, SlotSizes(64, 2, (0, 0, 1), 16, 48))
    live.set_lora(1, a, b)
    for matrix, held in zip((a, b), live.get_lora(1, torch.float32), strict=True):
        step = matrix.abs().amax(-1, keepdim=True) / 127
        assert ((held - matrix).abs() <= step * 0.5001).all()
    assert all(not matrix.any() for matrix in live.get_lora(0, torch.float32))


@pytest.mark.parametrize("kind", [Int8Slots, lambda count, sizes: FloatSlots(count, sizes, torch.zeros(0))])
@pytest.mark.parametrize("rank", [16, 32])
def test_adapters_stay_as_they_are_when_there_is_room_for_more(
    kind: Callable[[int, SlotSizes], LoraSlots], rank: int
) -> None:
    small, large = (SlotSizes(64, 2, (0, 0, 1), size, 48) for size in (16, rank))
    was = kind(2, small)
    for bay in range(2):
        was.set_lora(bay, random(64, 32, seed=bay), random(3, 16, 48, seed=bay))
    now = resize_slots(kind(4, large), was)
    for bay in range(2):
        old, new = was.get_lora(bay, torch.float32), now.get_lora(bay, torch.float32)
        torch.testing.assert_close(new[0].view(64, 2, rank)[..., :16], old[0].view(64, 2, 16))
        torch.testing.assert_close(new[1][:, :16], old[1])
        assert new[0].view(64, 2, rank)[..., 16:].eq(0).all()
