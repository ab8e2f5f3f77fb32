"""Main memory is planned from headers: what fits is counted, what cannot fit is never loaded."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import ModelSettings
from bot.engine.checkpoint.folder_model import read_model_header
from bot.engine.checkpoint.model_header import ModelHeader
from bot.engine.checkpoint.source import locate_model
from bot.engine.inventory.recommended import recommended_header
from bot.engine.model_loader import machine, quantization
from bot.engine.model_loader.load_plan import plan_load
from bot.engine.model_loader.machine import Machine, fit_on, plan_on, precision_on
from bot.engine.model_loader.memory_check import describe_lack, describe_plan, judge_plan
from bot.engine.model_loader.memory_plan import PROGRAM_BYTES, MemoryPlan, plan_memory, weight_bytes_on_cpu
from bot.engine.model_loader.memory_prediction import CardRoom, conversations_of, predict_budgets
from bot.engine.model_loader.quantization import Precision, chosen_precision
from bot.errors import UserError
from tests.benchmarks.cards import model_sizes
from tests.bot.engine.model_loader.driver import loaded, settings

SEVEN = "bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M"
GIB = 1 << 30


def header(name: str = SEVEN) -> ModelHeader:
    found = recommended_header(name)
    assert found
    return found


def plan(free: int, **more: object) -> MemoryPlan:
    asked = ModelSettings.model_validate(more)
    found = plan_on(header(), asked, Machine("cpu", free, number_bytes=4))
    assert found
    return found


def test_every_part_is_counted() -> None:
    found = plan(8 * GIB)
    rooms = 8 * GIB - PROGRAM_BYTES - found.weights - found.step - found.adapters
    token = 2 * 28 * 4 * 128 * 4
    assert found == MemoryPlan(
        free=8 * GIB,
        program=PROGRAM_BYTES,
        weights=4_683_120_000,
        step=4 * 1024 * (4 * 18_944 + 5 * 3584) + 32 * 152_064 * 40,
        adapters=4 * 4 * 16 * 28 * (2 * (3584 + 3584) + 2 * (3584 + 512) + 3 * (3584 + 18_944)),
        room=rooms,
        cache=min(2 * GIB, rooms),
        token_bytes=token,
        context=4096,
    )
    assert (found.fits, found.rows(4096), found.rows(1000)) == (True, 4, 18)


def test_a_gguf_file_lies_as_it_is_unless_a_precision_is_named() -> None:
    on_bf16 = Machine("cpu", 64 * GIB, number_bytes=2)
    sizes = [
        (one.weights, one.token_bytes)
        for precision in ("auto", "bf16", "fp32")
        if (one := plan_on(header(), ModelSettings.model_validate({"precision": precision}), on_bf16))
    ]
    token = 2 * 28 * 4 * 128
    parameters = header().parameters
    assert sizes == [(header().bytes, 4 * token), (2 * parameters, 2 * token), (4 * parameters, 4 * token)]


def test_a_model_of_7b_starts_with_8_gb_free_and_not_with_5() -> None:
    assert plan(8 * 10**9).fits
    assert not plan(5 * 10**9).fits


def test_half_as_wide_numbers_make_room_for_twice_the_rows() -> None:
    wide, half = (
        plan_memory(header(), ModelSettings(cache=1000), 16 * GIB, header().bytes, number)
        for number in (4, 2)
    )
    assert (half.token_bytes, half.rows(4096)) == (wide.token_bytes // 2, 2 * wide.rows(4096))


def test_the_cache_of_the_settings_is_bounded_by_the_room() -> None:
    assert plan(8 * GIB, cache=100).cache == 100 << 20
    assert plan(8 * GIB, cache=100_000).cache == plan(8 * GIB).room


@given(free=st.integers(0, 1 << 40), rows=st.integers(1, 64), context=st.integers(256, 40_000))
def test_a_plan_that_fits_stays_within_what_is_free(free: int, rows: int, context: int) -> None:
    found = plan(free, rows=rows, context=context)
    if found.fits:
        beside = found.free - found.program - found.weights - found.step
        assert found.cache <= max(beside - found.adapters, 1024 * found.token_bytes) <= beside
        assert found.rows(found.context) <= found.most_rows(found.context)
    else:
        assert (found.tokens, found.rows(256)) == (0, 0)


@pytest.mark.parametrize(
    ("precision", "packed", "size", "wide"),
    [
        ("nf4", True, 36 / 64, 68 / 64),
        ("int8", True, 68 / 64, 68 / 64),
        ("nf4", False, 36 / 64, 2),
        ("bf16", False, 2, 2),
        ("fp32", False, 4, 4),
    ],
)
def test_plain_weights_take_what_their_precision_takes(
    precision: str, packed: bool, size: float, wide: float, folder: Path
) -> None:
    plain = read_model_header(folder)
    rest = plain.table + plain.head
    expected = int(size * (plain.parameters - rest) + wide * rest)
    assert weight_bytes_on_cpu(plain, precision, packed=packed) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plain", "room", "size"),
    [("bf16", 16, 2), ("bf16", 15, None), ("fp32", 31, 4), ("fp32", 30, None)],
)
def test_without_kernels_a_gguf_file_is_counted_as_its_copy_is(
    plain: Precision, room: int, size: int | None
) -> None:
    """Of 7.6 billion parameters: plain where the room for plain weights holds them, else in nf4."""
    bare = Machine("cpu", 64 * GIB, 4, plain=plain, plain_room=room * 10**9, multiplies_packed=False)
    found = plan_on(header(), ModelSettings(), bare)
    assert found
    nf4 = weight_bytes_on_cpu(header(), "nf4", packed=False)
    assert found.weights == (size * header().parameters if size else nf4)
    assert nf4 > header().bytes


def test_the_plan_and_the_loader_choose_the_same_precision(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = locate_model(settings(folder, device="cpu"))
    for native, memory in product((True, False), (1 << 10, 1 << 40)):
        asked = settings(folder, device="cpu", native=native)
        monkeypatch.setattr(quantization, "total_memory", lambda memory=memory: memory)
        monkeypatch.setattr(quantization, "NF4_PARAMETERS", 1000)
        chosen = chosen_precision(source, asked, "cpu")
        assert precision_on(read_model_header(folder), asked, machine.this_machine(asked)) == chosen
        assert (chosen == "nf4") == (native or memory < 1 << 20)


def test_a_plan_is_told_with_what_makes_more_of_it() -> None:
    assert describe_plan(plan(16 * GIB), 32) == (
        "weights 4.68 GB, a step 0.58 GB, 4 adapters of rank 16 0.65 GB, Python and torch 0.47 GB more, of "
        "17.18 GB that are free; keys and values 114.7 kB a token, 4.29 GB for all: 9 of 32 rows of 4,096 "
        "tokens fit, others wait; [model] cache = 9856 makes it 22"
    )
    assert describe_plan(plan(64 * GIB, cache=30_000), 32).endswith(": all 32 rows of 4,096 tokens fit")


def test_a_context_without_room_is_told_with_the_one_that_has_room() -> None:
    tight = plan(round(6.7e9))
    right, text = judge_plan(tight, 32)
    assert (tight.fits, right) == (True, False)
    assert "no row of 4,096 tokens fits: set [model] context to 2560, or take a smaller" in text
    assert plan(round(6.7e9), context=2560).rows(2560) == 1


def test_a_lack_is_told_by_part_with_the_remedy() -> None:
    assert describe_lack(plan(5 * 10**9)) == (
        "its weights take 4.68 GB, a step 0.58 GB and a chat of 1,024 tokens 0.12 GB, and 4.53 GB of memory "
        "are free for them; take a smaller [model] name or a file of fewer bits (`python -m bot models` "
        "lists what fits), or close other programs"
    )


def test_what_must_run_out_of_memory_is_not_started(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 2 << 20)
    with pytest.raises(
        UserError, match=r"The base model .* is not loaded: its weights take 0\.00 GB, a step"
    ):
        plan_load(settings(folder, device="cpu"), tmp_path, lambda stage: None)


def test_a_loaded_model_takes_no_more_for_chats_than_planned(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "peak_memory", lambda: PROGRAM_BYTES)
    monkeypatch.setattr(machine, "available_memory", lambda: 20 << 20)
    model = loaded(folder, tmp_path, device="cpu", cache=100)
    found = plan_on(
        read_model_header(folder),
        settings(folder, device="cpu", cache=100),
        machine.this_machine(settings(folder)),
    )
    assert found
    assert model.cache_bytes == found.cache < 20 << 20
    assert model.runner.token_bytes == found.token_bytes


@pytest.mark.parametrize(("size", "memory"), [("Qwen2.5-7B", 8), ("Qwen2.5-3B", 6), ("Qwen2.5-14B", 16)])
def test_a_card_is_asked_for_its_own_memory(size: str, memory: int) -> None:
    plain = replace(header(f"bartowski/{size}-Instruct-GGUF:Q4_K_M"), is_gguf=False, bits="bf16")
    room = CardRoom(memory * GIB, memory * GIB)
    (budget,) = predict_budgets(model_sizes(size, "nf4"), [room], 32, 4096)
    found = fit_on(plain, ModelSettings(), Machine("cuda", None, 2, cards=(room,)))
    assert found
    assert found.rows == pytest.approx(conversations_of([budget], 4096), abs=1)


def test_two_cards_hold_what_one_does_not() -> None:
    plain = replace(header("bartowski/Qwen2.5-14B-Instruct-GGUF:Q4_K_M"), is_gguf=False, bits="bf16")
    one, two = (Machine("cuda", None, 2, cards=(CardRoom(8 * GIB, 8 * GIB),) * count) for count in (1, 2))
    fits = [fit_on(plain, ModelSettings(), each) for each in (one, two)]
    assert [fit.fits for fit in fits if fit] == [False, True]


def test_without_a_word_of_the_system_nothing_is_refused() -> None:
    assert fit_on(header(), ModelSettings(), Machine("cpu", None, 4)) is None
