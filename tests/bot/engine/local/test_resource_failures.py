"""Memory that runs out while a request gets or gives back its resources, and logits that are no numbers."""

from pathlib import Path

import pytest
import torch

from bot.engine.attention.kv_slab import KVSlab
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from tests.bot.engine.local.driver import (
    GREEDY,
    HERE,
    NO_STOP,
    FailingCall,
    add_adapters,
    one_by_one,
    outcomes,
    read_rest,
    request,
    settings,
    up_to,
)
from tests.fakes import tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.mark.parametrize(("name", "number"), [("cat", 0), ("tensor", 0), ("tensor", 1)])
async def test_running_out_of_memory_at_admission_leaks_no_slot(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    wordy = GREEDY.model_copy(update={"repetition_penalty": 1.1})
    large = Request(tuple(range(260, 290)), wordy, n=3, stop_ids=NO_STOP)
    async with LocalEngine(settings(folder, rows=3), tmp_path) as engine:
        await engine.ready()
        failing = FailingCall(monkeypatch, torch, name, number)
        assert await outcomes(engine, [large]) == ["UserError"]
        assert failing.raised
        assert not isinstance((await outcomes(engine, [large]))[0], str)


@pytest.mark.parametrize("number", range(2))
async def test_running_out_of_memory_while_a_candidate_is_forked_fails_at_most_its_request(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    requests = [request(1, 20), request(2, 30, n=3), request(3, 40)]
    expected = await one_by_one(engine, requests)
    failing = FailingCall(monkeypatch, KVSlab, "copy_slot", number)
    found = await outcomes(engine, requests)
    assert failing.raised
    assert [found[0], found[2]] == [expected[0], expected[2]]
    assert found[1] in (expected[1], "UserError")
    assert await outcomes(engine, requests) == expected


async def test_running_out_of_memory_while_a_prefix_is_cached_harms_no_request(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [request(1, 20, place=HERE), request(2, 30)]
    expected = await one_by_one(engine, requests)
    await engine.forget(HERE)
    failing = FailingCall(monkeypatch, torch.Tensor, "clone")
    assert await outcomes(engine, requests) == expected
    assert failing.raised
    assert engine.status().memory["prefix cache"] == 0
    assert await outcomes(engine, requests) == expected
    assert engine.status().memory["prefix cache"] > 0


@pytest.mark.parametrize("number", [0, 1, 5, 8])
async def test_running_out_of_memory_while_an_adapter_is_activated_harms_no_request(
    engine: LocalEngine, adapters: dict[str, Path], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    await add_adapters(engine, adapters)
    requests = [request(1, adapter="a"), request(2), request(3, adapter="b"), request(4, adapter="a")]
    expected = await one_by_one(engine, requests)
    await engine.add_adapter("a", adapters["b"])
    await engine.add_adapter("b", adapters["a"])
    swapped = await one_by_one(engine, requests)
    await add_adapters(engine, adapters)
    running = engine.generate(request(1, sampling=up_to(400), adapter="a"))
    await anext(running)
    assert swapped != expected
    await engine.add_adapter("large", tiny_adapter(engine, adapters, 16))
    failing = FailingCall(monkeypatch, torch.Tensor, "new_zeros", number)
    (found,) = await outcomes(engine, [request(5, adapter="large")])
    assert failing.raised
    assert not isinstance(found, str)  # it was tried again, or waited for the running one
    assert await outcomes(engine, requests) == expected
    assert await outcomes(engine, [request(5, adapter="large")]) == [found]
    await read_rest(running)


def tiny_adapter(engine: LocalEngine, adapters: dict[str, Path], rank: int) -> Path:
    base, folder = Path(engine.status().model), adapters["a"].parent / f"rank {rank}"
    return tiny.save_adapter(folder, base, 9, r=rank, target_modules="all-linear")
