"""Adapters that are registered, replaced and dropped while requests run."""

import asyncio
import shutil
from pathlib import Path

import pytest

from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.local.driver import (
    HERE,
    add_adapters,
    one_by_one,
    outcomes,
    read_rest,
    request,
    up_to,
    wait_until,
)

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


async def test_a_broken_adapter_keeps_the_old_one_and_harms_no_request(
    engine: LocalEngine, adapters: dict[str, Path], tmp_path: Path
) -> None:
    await add_adapters(engine, adapters)
    requests = [request(n, adapter=name, sampling=up_to(60)) for n, name in enumerate(("a", None, "b"))]
    expected = await one_by_one(engine, requests)
    broken = Path(shutil.copytree(adapters["b"], tmp_path / "broken"))
    content = (broken / "adapter_model.safetensors").read_bytes()
    (broken / "adapter_model.safetensors").write_bytes(content[: len(content) // 2])
    running = asyncio.create_task(outcomes(engine, requests))
    await wait_until(lambda: engine.status().running == 3)
    with pytest.raises(UserError, match='"a" was not loaded'):
        await engine.add_adapter("a", broken)
    assert await running == expected
    assert engine.status().adapters == ("a", "b")
    assert await outcomes(engine, requests) == expected


@pytest.mark.parametrize("change", ["replace", "drop"])
async def test_a_running_request_keeps_the_adapter_that_it_began_with(
    engine: LocalEngine, adapters: dict[str, Path], change: str
) -> None:
    await engine.add_adapter("a", adapters["b"])
    new = await one_by_one(engine, [request(1, adapter="a")])
    await engine.add_adapter("a", adapters["a"])
    lasts = [request(n, adapter="a", sampling=up_to(100), place=HERE) for n in range(3)]
    expected = await one_by_one(engine, lasts)
    streams = [engine.generate(one) for one in lasts]
    first = [(await anext(stream)).text for stream in streams]
    if change == "replace":
        await engine.add_adapter("a", adapters["b"])
    else:
        await engine.drop_adapter("a")
    assert engine.status().running == 3
    later = await outcomes(engine, [request(1, adapter="a")])
    assert later == (new if change == "replace" else ["UserError"])
    rest = ["".join([piece.text async for piece in stream]) for stream in streams]
    assert [[one + more] for one, more in zip(first, rest, strict=True)] == expected


async def test_a_request_of_a_dropped_adapter_is_not_cached(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await engine.add_adapter("a", adapters["a"])
    stream = engine.generate(request(1, adapter="a", sampling=up_to(100), place=HERE))
    await anext(stream)
    await engine.drop_adapter("a")
    await read_rest(stream)
    assert engine.status().memory["prefix cache"] == 0
