"""Slots of adapters on a card: counted before they are there, bounded, given back, and filled by one copy."""

import gc
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from bot.engine.lora.active import IDLE_STEPS, ActiveAdapters, LoadedAdapter
from bot.engine.lora.linear import LoraPair
from bot.engine.lora.slot_image import make_image
from bot.engine.model_executor.model_runner import ModelRunner
from tests.bot.engine.lora.lora_model import Model
from tests.bot.engine.lora.lora_model import adapter as lora_adapter
from tests.fakes.card.card import Card, pretended_card
from tests.fakes.card.models import config_of, empty_model

MODEL = "Qwen2.5-0.5B"
RANK = 16


def runner_on(card: Card) -> ModelRunner:
    """Two layers without weights, patched for batches."""
    config = config_of(MODEL)
    config.num_hidden_layers = 2
    runner = ModelRunner(empty_model(config, "bf16"), MODEL, 2048)
    gc.collect()  # what the patching left behind
    card.launches.reset()
    return runner


def adapter(runner: ModelRunner, name: str = "mara", rank: int = RANK) -> LoadedAdapter:
    """An adapter for all linear layers but the head."""
    pairs = {
        path: LoraPair(torch.empty(rank, inputs), torch.empty(out, rank), 0.5)
        for path, (out, inputs) in runner.shapes.items()
        if path != "lm_head"
    }
    return LoadedAdapter(name, pairs)


def slots_of(count: int, active: ActiveAdapters, made: Callable[[int], LoadedAdapter]) -> list[LoadedAdapter]:
    adapters = [made(number) for number in range(count)]
    for one in adapters:
        active.activate(one)
    return adapters


@pytest.mark.parametrize("rank", [4, 16, 64])
def test_the_bytes_of_a_slot_are_known_before_it_is_there(rank: int) -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        active, one = runner.active_adapters, adapter(runner, rank=rank)
        before = card.memory.allocated
        expected = active.slot_bytes(rank, one.modules)
        assert expected == sum(
            2 * rank * (out + inputs) for path, (out, inputs) in runner.shapes.items() if path != "lm_head"
        )
        active.activate(one)
        assert active.bytes == expected
        assert card.memory.allocated - before == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("adapters", "slots"), [(1, 1), (2, 2), (3, 4), (5, 8), (9, 12), (17, 20), (32, 32)])
def test_slots_grow_by_need(adapters: int, slots: int) -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        slots_of(adapters, runner.active_adapters, lambda number: adapter(runner, str(number), rank=2))
        assert runner.active_adapters.slot_count == slots


def test_slots_stay_within_their_limit_and_a_further_adapter_waits() -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        active = runner.active_adapters
        one = adapter(runner)
        active.limit = 3 * active.slot_bytes(RANK, one.modules)
        there = slots_of(3, active, lambda number: adapter(runner, str(number)))
        assert (active.slot_count, active.has_room(there[0]), active.has_room(one)) == (3, True, False)
        active.deactivate(there[0])
        assert active.has_room(one)
        active.activate(one)
        assert active.bytes <= active.limit


def test_one_adapter_always_has_room() -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        runner.active_adapters.limit = 0
        assert runner.active_adapters.has_room(adapter(runner))


def test_slots_of_no_use_are_given_back_after_many_steps() -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        active = runner.active_adapters
        there = slots_of(8, active, lambda number: adapter(runner, str(number), rank=2))
        for one in there[1:]:
            active.deactivate(one)
        for _ in range(IDLE_STEPS - 1):
            active.note_step()
        assert active.slot_count == 8
        active.note_step()
        assert (active.slot_count, active.slot_of(there[0])) == (1, 0)
        assert active.bytes == active.slot_bytes(2, there[0].modules)


def test_slots_of_no_use_are_given_back_when_memory_is_needed() -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        before, active = card.memory.allocated, runner.active_adapters
        (one,) = slots_of(1, active, lambda number: adapter(runner))
        assert not active.release_unused()
        active.deactivate(one)
        assert active.release_unused()
        assert (active.slot_count, active.bytes) == (0, 0)
        assert card.memory.allocated - before < 4096  # the parts of blocks, which stay
        active.activate(one)
        assert active.slot_of(one) == 0


def test_a_prepared_adapter_becomes_active_by_one_copy_that_nobody_waits_for() -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        active = runner.active_adapters
        active.activate(active.prepare(adapter(runner, "first")))
        active.activate(adapter(runner, "second"))
        prepared = active.prepare(adapter(runner, "third"))
        active.activate(active.prepare(adapter(runner, "to grow")))
        card.launches.reset()
        active.activate(prepared)
        launches = card.launches
        assert (launches.copies.total(), launches.async_copies.total(), launches.reads.total()) == (0, 1, 0)
        assert launches.kernels <= 3, launches.by_place


def test_a_prepared_adapter_takes_no_more_host_memory_than_its_slot() -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        one = adapter(runner)
        prepared = runner.active_adapters.prepare(one)
        assert (len(prepared.pairs), prepared.rank, set(prepared.modules)) == (0, RANK, set(one.modules))
        assert prepared.bytes == runner.active_adapters.slot_bytes(RANK, one.modules)


@torch.inference_mode()
@pytest.mark.parametrize("rank", [2, 4, 9])
def test_a_prepared_adapter_is_the_same_slot_as_one_that_is_not(rank: int) -> None:
    """Real numbers, on the CPU: images are made for cards alone, so that this one is made by hand."""
    model = Model()
    model.active.activate(lora_adapter("wider", 9, ["v", "down"]))
    plain = lora_adapter("plain", rank, ["q", "v", "gate", "lm_head"])
    image = make_image(model.layers, plain.pairs, plain.rank, torch.float32)
    model.active.activate(plain)
    model.active.activate(replace(plain, pairs={}, image=image))
    for layer in model.layers:
        views = [layer.slot_views(slot) for slot in (1, 2)]
        assert (views[0] is None) == (views[1] is None)
        for one, other in zip(*(view or () for view in views), strict=True):
            assert torch.equal(one, other)
