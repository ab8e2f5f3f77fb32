"""Memory of cards before a model is loaded, from its config.json: the budget that `card_budgets` measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bot.engine.attention.forward_batch import MAX_CHUNK
from bot.engine.attention.kv_cache import MIN_CAPACITY
from bot.engine.lora.registry import linear_shapes
from bot.engine.model_loader.memory_budget import (
    ADAPTER_RANK,
    ADAPTERS,
    SAMPLING_BYTES,
    WORKSPACE_BYTES,
    CardBudget,
)
from bot.engine.model_loader.placement import scale_bytes, weight_bytes
from bot.engine.model_loader.quantization import Precision

MLP_WIDTHS = 4  # activations of the MLP's width that live at once: gate, up, both joined or their product
HIDDEN_WIDTHS = 5  # and of the hidden size
SCORE_BYTES = 8  # of a capped attention score: in 16 bits, in float32 for the softmax, in 16 bits again


@dataclass(frozen=True, slots=True)
class ServingSizes:
    """Bytes and counts of a base model in a precision. `adapter` has rank `ADAPTER_RANK` on all layers.

    `scales` are a part of `weights`, those of nf4. `read` are the weights that a decoding step reads: all but
    a table of embeddings that is not the head too. `unpacked` is the largest quantised matrix in 16 bits,
    which a long chunk of a prompt is multiplied with. `scored_heads` are heads whose scores lie in memory.
    """

    weights: int
    scales: int
    read: int
    unpacked: int
    token_bytes: int  # of a token's keys and values in all layers
    adapter: int
    number_bytes: int  # of an activation
    hidden: int
    widest: int  # inputs of the widest linear layer
    scored_heads: int
    vocabulary: int


@dataclass(frozen=True, slots=True)
class CardRoom:
    """Bytes of a card, and those that are free before the model is loaded."""

    total: int
    free: int


def sizes_of(model: Any, precision: Precision, device: str) -> ServingSizes:
    """Return the sizes of a model that lies on torch's meta device, as it would be loaded on `device`."""
    config = model.config.get_text_config()
    shapes = linear_shapes(model)
    layers = {path: shape for path, shape in shapes.items() if not path.endswith("head")}
    weights, number = weight_bytes(model, precision, device), 4 if precision == "fp32" else 2
    table, head = model.get_input_embeddings().weight, model.get_output_embeddings()
    tied = head is None or head.weight is table
    quantised = precision in ("nf4", "int8")
    return ServingSizes(
        weights=weights,
        scales=scale_bytes(model, precision, device),
        read=weights - (0 if tied else table.numel() * number),
        unpacked=number * max(out * inner for out, inner in layers.values()) if quantised else 0,
        token_bytes=_token_bytes(config, number),
        adapter=2 * ADAPTER_RANK * sum(out + inner for out, inner in shapes.values()),
        number_bytes=number,
        hidden=config.hidden_size,
        widest=max(inner for _, inner in layers.values()),
        scored_heads=config.num_attention_heads if getattr(config, "attn_logit_softcapping", None) else 0,
        vocabulary=config.vocab_size,
    )


def predict_budgets(
    sizes: ServingSizes, cards: Sequence[CardRoom], rows: int, context: int
) -> tuple[CardBudget, ...]:
    """Return the budget of every card that shares the model's layers evenly, as `card_budgets` would.

    `rows`: the most sequences at once; `context`: the tokens of the longest.
    """
    count = len(cards)
    budgets = []
    for number, card in enumerate(cards):
        weights, adapters = sizes.weights // count, ADAPTERS * sizes.adapter // count
        sampling = rows * sizes.vocabulary * SAMPLING_BYTES if number == count - 1 else 0
        step = step_bytes(sizes, context) + WORKSPACE_BYTES + sampling
        budgets.append(
            CardBudget(
                device=torch.device("cuda", number),
                total=card.total,
                others=card.total - card.free,
                weights=weights,
                step=step,
                adapters=adapters,
                conversations=card.free - weights - step - adapters,
                token_bytes=sizes.token_bytes // count,
            )
        )
    return tuple(budgets)


def step_bytes(sizes: ServingSizes, context: int) -> int:
    """Return the bytes that the last chunk of a prompt of `context` tokens takes while a layer runs."""
    widths = MLP_WIDTHS * sizes.widest + HIDDEN_WIDTHS * sizes.hidden
    scores = SCORE_BYTES * sizes.scored_heads * MAX_CHUNK * context
    return max(sizes.number_bytes * MAX_CHUNK * widths, scores) + sizes.unpacked


def conversations_of(budgets: Sequence[CardBudget], length: int) -> int:
    """Return the count of conversations of so many tokens that find room at once."""
    capacity = -(-length // MIN_CAPACITY) * MIN_CAPACITY
    return min(budget.tokens for budget in budgets) // capacity


def _token_bytes(config: Any, number_bytes: int) -> int:
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    pairs = 2 * (getattr(config, "num_key_value_heads", None) or heads)
    return int(config.num_hidden_layers * pairs * size * number_bytes)
