"""Requests choose among adapters that are registered, replaced and dropped while the engine runs."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import torch
from transformers import LlamaForCausalLM

from bot.config import ModelSettings
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.engine.lora.registry import read_adapter
from bot.errors import UserError
from tests.bot.engine.lora.adapters import (
    GREEDY,
    IDS,
    WEIGHTS,
    base_of,
    text,
)
from tests.fakes import tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.mark.skipif(torch.get_num_threads() == 1, reason="one core has no helpers")
def test_reading_a_large_adapter_starts_no_threads_that_would_slow_the_engine(tmp_path: Path) -> None:
    wide = tiny.save_model(tmp_path / "base", intermediate_size=1024)
    large = tiny.save_adapter(tmp_path / "adapter", wide, r=256)
    base = base_of(LlamaForCausalLM.from_pretrained(wide))
    torch.ones(1 << 20).isfinite()  # this thread has its helpers

    def read() -> int:
        before = psutil.Process().num_threads()
        assert read_adapter("a", large, base).pairs
        return psutil.Process().num_threads() - before

    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(read).result() <= 0  # an engine's thread of another test may end meanwhile


@pytest.mark.parametrize("precision", ["nf4", "int8", "bf16"])
async def test_an_adapter_works_on_every_kind_of_base(
    folder: Path, adapter: Path, tmp_path: Path, precision: str
) -> None:
    settings = ModelSettings.model_validate({"name": str(folder), "precision": precision, "threads": 1})
    async with LocalEngine(settings, tmp_path) as engine:
        plain = await text(engine)
        await engine.add_adapter("a", adapter)
        assert await text(engine, "a") != plain
        assert await text(engine) == plain


async def test_each_request_chooses_its_adapter(engine: LocalEngine, folder: Path, tmp_path: Path) -> None:
    plain = await text(engine)
    alone = {}
    for seed in (1, 2):
        await engine.add_adapter(f"a{seed}", tiny.save_adapter(tmp_path / f"a{seed}", folder, seed))
        alone[f"a{seed}"] = await text(engine, f"a{seed}")
    assert len({plain, *alone.values()}) == 3
    names = ["a2", "a1", None, "a2", None, "a1"]
    got = await asyncio.gather(*(text(engine, name) for name in names))
    assert got == [alone[name] if name else plain for name in names]
    assert await text(engine, "a1", strength=0) == plain


async def test_an_adapter_is_replaced_and_dropped(engine: LocalEngine, folder: Path, tmp_path: Path) -> None:
    one, other = (tiny.save_adapter(tmp_path / str(seed), folder, seed) for seed in (1, 2))
    await engine.add_adapter("a", one)
    before = await text(engine, "a")
    await engine.add_adapter("a", other)
    assert await text(engine, "a") != before
    assert engine.status().adapters == ("a",)
    await engine.drop_adapter("a")
    assert engine.status().adapters == ()
    with pytest.raises(UserError, match='no adapter "a"'):
        await text(engine, "a")


async def test_adapters_come_and_go_while_an_answer_is_made(engine: LocalEngine, adapter: Path) -> None:
    sampling = GREEDY.model_copy(update={"max_tokens": 300})
    request = Request(IDS, sampling, stop_ids=frozenset({100_000}))
    alone = "".join([piece.text async for piece in engine.generate(request)])
    generation = engine.generate(request)
    got = (await anext(generation)).text
    await engine.add_adapter("a", adapter)
    assert engine.status().running == 1
    await engine.drop_adapter("a")
    assert got + "".join([piece.text async for piece in generation]) == alone


async def test_a_refused_adapter_leaves_the_old_one(engine: LocalEngine, adapter: Path, mine: Path) -> None:
    await engine.add_adapter("a", adapter)
    before = await text(engine, "a")
    (mine / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(UserError, match='"a" was not loaded'):
        await engine.add_adapter("a", mine)
    assert await text(engine, "a") == before
