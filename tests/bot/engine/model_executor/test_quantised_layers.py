"""Whole layers of packed weights in one call: the numbers of single operations, and nearly those of torch."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from bot.engine.kernels.compiler import load_library
from bot.engine.model_executor.model_runner import ModelRunner
from tests.bot.engine.model_executor.layer_models import FAMILIES, answers, packed_model

LIBRARY = load_library()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="this machine compiles no library")
DTYPES = [torch.float32, torch.bfloat16]
Adapters = Sequence[tuple[int, int]]
ADAPTERS: list[Adapters] = [(), ((16, 1), (5, 2))]
MOST_ERROR = 0.04  # activations in 8 bits


def runner_of(family: str, dtype: torch.dtype, library: Any = LIBRARY) -> ModelRunner:
    return ModelRunner(packed_model(family, dtype), family, 512, library=library)


def single_operations(runner: ModelRunner) -> ModelRunner:
    """The same runner without whole layers."""
    runner._native_model.layers.clear()
    return runner


@pytest.mark.parametrize("adapters", ADAPTERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_whole_layers_answer_as_single_operations_and_nearly_as_torch(
    family: str, dtype: torch.dtype, adapters: Adapters
) -> None:
    whole, single = runner_of(family, dtype), single_operations(runner_of(family, dtype))
    assert len(whole._native_model.layers) == 2
    mine, plain = answers(whole, adapters), answers(runner_of(family, dtype, None), adapters)
    assert torch.equal(mine, answers(single, adapters))
    assert float((mine - plain).norm() / plain.norm()) < MOST_ERROR


@pytest.mark.parametrize("adapters", ADAPTERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 3, 8, 32, 40])
def test_any_number_of_rows_is_answered_as_by_single_operations(
    rows: int, dtype: torch.dtype, adapters: Adapters
) -> None:
    prompts = [1 + 7 * n % 40 for n in range(rows)]
    whole, single = runner_of("llama", dtype), single_operations(runner_of("llama", dtype))
    assert torch.equal(answers(whole, adapters, prompts), answers(single, adapters, prompts))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_has_the_same_numbers_alone(dtype: torch.dtype) -> None:
    runner, prompts = runner_of("qwen3", dtype), range(1, 9)
    together = answers(runner, (), prompts)
    for row, prompt in enumerate(prompts):
        assert torch.equal(answers(runner, (), [prompt])[:, 0], together[:, row])


def test_layers_are_whole_again_after_adapters_of_too_much_rank() -> None:
    runner = runner_of("llama", torch.float32)
    expected, like = answers(runner), torch.zeros(0, dtype=torch.bfloat16)
    layers, linears = runner._native_model.layers, runner._linears
    for linear in linears:
        linear.reserve_slots(1, 400, like)
    assert not any(layer.is_ready for layer in layers)
    for linear in linears:
        linear.keep_slots(0, like)
    assert all(layer.is_ready for layer in layers)
    assert torch.equal(answers(runner), expected)


def test_nothing_of_a_step_stays_behind_it() -> None:
    runner = runner_of("llama", torch.float32)
    answers(runner)
    assert runner._context.native_step is None
