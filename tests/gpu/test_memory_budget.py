"""What a card has room for beside a base model: each recommendation of config.toml, by the loader's sums."""

import pytest
import torch

from bot.engine.attention.forward_batch import MAX_CHUNK, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.model_loader.memory_budget import ADAPTERS, card_budgets, conversation_tokens
from bot.errors import UserError
from tests.fakes.card.card import pretended_card
from tests.gpu.models import CONTEXT, pretended_runner, recommendations, recommended, size_of, whole_adapters

GIB = 1 << 30
CONVERSATIONS, TOKENS = 4, 4000


def test_a_card_of_every_size_has_two_recommendations() -> None:
    sizes = [size for size, _ in recommendations()]
    assert {size: sizes.count(size) for size in sizes} == dict.fromkeys((6, 8, 12, 16, 24, 80), 2)


@pytest.mark.parametrize(("size", "name"), recommended(quick=1))
def test_four_conversations_under_four_adapters_fit_the_card(size: int, name: str) -> None:
    with pretended_card(memory=size * GIB) as card, torch.inference_mode():
        runner = pretended_runner(size_of(name))
        (budget,) = card_budgets(runner, rows=32, context=CONTEXT)
        cache = KVCache(conversation_tokens((budget,), name) * runner.token_bytes, runner.token_bytes)
        slots = cache.allocate(TOKENS, CONVERSATIONS)
        assert slots is not None
        for adapter in whole_adapters(runner, ADAPTERS):
            runner.active_adapters.activate(adapter)
        slots[0].length = TOKENS - MAX_CHUNK
        runner.forward(runner.batch_of([TokenSpan(slots[0], (1,) * MAX_CHUNK, 0, 0.8)]))
    assert card.memory.peak <= card.memory.total - card.memory.others


def test_a_card_without_room_to_talk_is_refused_with_its_numbers() -> None:
    with pretended_card(memory=8 * GIB, others=1700 << 20) as card:
        runner = pretended_runner("Qwen3-8B")
        with pytest.raises(UserError) as refused:
            conversation_tokens(card_budgets(runner, rows=32, context=CONTEXT), "Qwen/Qwen3-8B")
    assert card.memory.allocated
    assert str(refused.value) == (
        "The base model Qwen/Qwen3-8B leaves 0 MB of the card's 8,192 MB for conversations, and 1,024 tokens "
        'take 144 MB: choose a smaller [model] name, precision "nf4", or close other programs that use the '
        "card."
    )


def test_layers_are_joined_without_a_second_copy_of_the_weights() -> None:
    with pretended_card() as card:
        pretended_runner("Llama-3.2-3B", "bf16")
        weights = card.memory.allocated
    assert card.memory.peak < 1.1 * weights
