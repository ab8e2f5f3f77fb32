"""A base model over two cards: loaded so only where one card is too small, and batched as on one."""

from typing import Any
from unittest import mock

import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from transformers import AutoModelForCausalLM

from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.model_executor import probes
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.memory_budget import card_budgets, conversation_tokens
from bot.engine.model_loader.placement import device_map_of, weight_bytes
from tests.fakes.card.card import pretended_card
from tests.fakes.card.models import config_of, empty_model
from tests.gpu.models import CONTEXT, whole_adapters

GIB = 1 << 30


def spread_runner(name: str) -> ModelRunner:
    """Return a model whose second half of layers, norm and head are on the second card."""
    config = config_of(name)
    second = [f"model.layers.{n}." for n in range(config.num_hidden_layers // 2, config.num_hidden_layers)]

    def place(path: str) -> str:
        return f"cuda:{int(f'{path}.'.startswith((*second, 'model.norm.', 'lm_head.')))}"

    model = empty_model(config, "bf16", place)
    for path, module in model.named_modules():  # hooks as accelerate adds them
        if path.count(".") > 0 or path == "lm_head":
            add_hook_to_module(module, AlignDevicesHook(place(path), place_submodules=False))
    with mock.patch.object(probes, "relative_error", return_value=0.0):
        return ModelRunner(model, name, CONTEXT)


@pytest.mark.parametrize(
    ("weights", "free", "expected"),
    [
        (6, (10,), {"device_map": {"": "cuda:0"}}),
        (6, (5, 10), {"device_map": {"": "cuda:1"}}),
        (9, (10, 10), {"device_map": "auto", "max_memory": {0: 8 * GIB, 1: 8 * GIB}}),
        (11, (10,), {"device_map": {"": "cuda:0"}}),
    ],
)
def test_a_model_is_spread_only_where_no_card_has_room_for_it(
    weights: int, free: tuple[int, ...], expected: object
) -> None:
    assert device_map_of(weights * GIB, [card * GIB for card in free]) == expected


@pytest.mark.parametrize(("name", "precision"), [("Qwen2.5-1.5B", "nf4"), ("Llama-3.2-1B", "bf16")])
def test_the_bytes_of_weights_are_known_before_they_are_loaded(name: str, precision: Any) -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config_of(name))
    with pretended_card(memory=24 * GIB) as card:
        _loaded = empty_model(config_of(name), precision, nested=True)
        assert weight_bytes(model, precision, "cuda") == pytest.approx(card.memory.allocated, rel=0.01)


@pytest.mark.slow
def test_a_model_over_two_cards_is_batched_under_adapters() -> None:
    with pretended_card(memory=12 * GIB, count=2) as card, torch.inference_mode():
        runner = spread_runner("Llama-3.1-8B")
        budgets = card_budgets(runner, rows=8, context=CONTEXT)
        assert [budget.token_bytes for budget in budgets] == [65536, 65536]
        cache = KVCache(conversation_tokens(budgets, "llama") * runner.token_bytes, runner.token_bytes)
        slots = cache.allocate(400, 4) or []
        for adapter in whole_adapters(runner, 2):
            runner.active_adapters.activate(adapter)
        for tokens in (9, 1):
            spans = [TokenSpan(slot, (1,) * tokens, n % 2, 0.8) for n, slot in enumerate(slots[:3])]
            batch = runner.batch_of([*spans, TokenSpan(slots[3], (1, 2, 3))])
            runner.forward(batch)
            batch.advance()
        assert [memory.allocated > GIB for memory in card.memories] == [True, True]
