"""Requests that end, and errors, while a step that was launched ahead is in flight: nobody else notices."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bot.engine.attention.card_batch import CardBatch
from bot.engine.core import async_decode
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.engine.lora import active
from bot.engine.lora.linear import LoraLinear
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader import loader
from tests.bot.engine.local.driver import (
    GREEDY,
    HOT,
    NO_STOP,
    FailingCall,
    add_adapters,
    finish,
    one_by_one,
    outcomes,
    prompt,
    request,
    settings,
    up_to,
    wait_until,
)
from tests.bot.engine.local.test_nan import POISON, poison
from tests.fakes import tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(autouse=True)
def card_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "ModelRunner", partial(ModelRunner, batch_type=CardBatch))


def core_of(engine: LocalEngine) -> Any:
    return engine._engine_thread.core


@pytest.mark.parametrize("how", ["stop id", "cancel"])
async def test_nan_of_a_step_in_flight_stays_in_no_slot(engine: LocalEngine, how: str) -> None:
    """The fourth token makes all that is computed from it no number, and is the last one."""
    others = [request(50, 20), request(51, 200)]
    expected = await one_by_one(engine, others)
    poison(engine)
    runner, steps = core_of(engine).resources.loaded.runner, 0
    forward = runner.forward

    def say_poison(step: Any) -> Tensor:
        nonlocal steps
        logits, steps = forward(step), steps + 1
        if steps == 4:
            logits = torch.where(torch.isnan(logits), logits, -50.0)
            logits[:, POISON] = 50
        if how == "cancel" and steps == 5:
            stream._cancelled = True
        return logits

    runner.forward = say_poison
    stops = frozenset({POISON}) if how == "stop id" else NO_STOP
    stream = engine.generate(Request(prompt(3, 100), up_to(30), stop_ids=stops))
    await finish(stream)
    del runner.forward
    slabs = core_of(engine).resources.cache.slabs
    assert not any(bool(torch.isnan(tensor).any()) for slab in slabs for tensor in slab.layers.values())
    assert await outcomes(engine, others) == expected


async def test_an_adapter_whose_numbers_overflow_fails_its_own_request_alone(
    engine: LocalEngine, adapters: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    bad = tiny.save_adapter(tmp_path / "bad", folder, 5)
    file = bad / "adapter_model.safetensors"
    tensors = {k: torch.full_like(t, 3e38) if "lora_A" in k else t for k, t in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
    await add_adapters(engine, adapters | {"bad": bad})
    mine = [request(1, 20, up_to(60)), request(2, 20, up_to(60), adapter="a", strength=0.8)]
    expected = await one_by_one(engine, mine)
    streams = [engine.generate(one) for one in mine]
    tasks = [asyncio.ensure_future(finish(stream)) for stream in streams]
    await wait_until(lambda: all(stream._has_first_piece for stream in streams), pause=0)
    await outcomes(engine, [request(3, 1, up_to(30), adapter="bad")])
    assert [[answer.text for answer in answers] for answers in await asyncio.gather(*tasks)] == expected


@pytest.mark.parametrize(
    ("owner", "name"),
    [(async_decode, "Download"), (torch.Tensor, "index_copy_"), (torch.Tensor, "index_put_")],
)
@pytest.mark.parametrize("number", [4, 12, 21])
async def test_a_token_that_is_drawn_again_after_an_error_is_the_same(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int
) -> None:
    penalty = {"repetition_penalty": 1.9, "frequency_penalty": 0.9, "max_tokens": 25}
    asked = [
        request(1, 20, GREEDY.model_copy(update=penalty)),
        request(2, 20, HOT.model_copy(update=penalty), seed=3),
    ]
    expected = await one_by_one(engine, asked)
    failing = FailingCall(monkeypatch, owner, name, number)
    assert await one_by_one(engine, asked) == expected
    assert failing.raised


async def test_memory_that_runs_out_while_idle_slots_are_given_back_harms_nobody(
    folder: Path, tmp_path: Path, adapters: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active, "IDLE_STEPS", 5)
    async with LocalEngine(settings(folder), tmp_path) as engine:
        await add_adapters(engine, adapters)
        asked = [request(3, 9, up_to(40), adapter="a"), request(4, 9, adapter="b")]
        expected = await one_by_one(engine, asked)
        await outcomes(engine, [request(1, 9, adapter="a"), request(2, 9, adapter="b")])
        failing = FailingCall(monkeypatch, LoraLinear, "keep_slots", 2)
        assert await one_by_one(engine, asked) == expected
        assert failing.raised
