"""Base models on graphics cards, by the sums of `doctor`: the table of docs/hardware.md.

Nothing is measured, and no card is needed: `python -m tests.benchmarks.cards` prints the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from transformers import AutoModelForCausalLM

from bot.engine.model_loader.memory_prediction import (
    CardRoom,
    ServingSizes,
    conversations_of,
    predict_budgets,
    sizes_of,
)
from bot.engine.model_loader.quantization import Precision
from bot.engine.model_loader.speed_prediction import bandwidth_of, predict_speed
from tests.fakes.card.models import config_of

OTHERS = 500 << 20  # bytes of a card that a desktop and CUDA itself take
ROWS, CONTEXT, LENGTH = 32, 4096, 4000  # as config.toml has them; tokens of a conversation
_HEAD = (
    "card",
    "base model",
    "precision",
    "weights",
    "conversations of 4,000 tokens",
    "tokens/s, 1 reply",
    "8",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A base model on a card, or on several of a kind. `memory` is GiB of one card."""

    card: str
    memory: int
    model: str
    precision: Precision = "nf4"
    count: int = 1

    @property
    def cards(self) -> str:
        """The cards for people."""
        several = f"{self.count} x " if self.count > 1 else ""
        return f"{several}{self.card}, {self.memory} GB"


PAIRS = (
    Pair("RTX 2060", 6, "Qwen2.5-3B"),
    Pair("RTX 2060", 6, "SmolLM3-3B"),
    Pair("RTX 4060", 8, "Qwen2.5-7B"),
    Pair("RTX 4060", 8, "Mistral-7B"),
    Pair("RTX 3060", 12, "Qwen3-8B"),
    Pair("RTX 3060", 12, "Llama-3.1-8B"),
    Pair("RTX 4060 Ti", 16, "Qwen2.5-14B"),
    Pair("RTX 4060 Ti", 16, "gemma-2-9b"),
    Pair("RTX 3090", 24, "Llama-3.1-8B", "bf16"),
    Pair("RTX 3090", 24, "Qwen3-14B"),
    Pair("RTX 4090", 24, "Mistral-Small-24B"),
    Pair("RTX A6000", 48, "Qwen2.5-32B"),
    Pair("RTX A6000", 48, "Qwen2.5-14B", "bf16"),
    Pair("A100-SXM4-80GB", 80, "Llama-3.3-70B"),
    Pair("A100-SXM4-80GB", 80, "Qwen2.5-72B"),
    Pair("RTX 3060", 12, "Mistral-Small-24B", count=2),
    Pair("RTX 3090", 24, "Qwen2.5-32B", count=2),
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """Bytes of weights, conversations that find room, tokens a second of one reply and of eight together."""

    weights: int
    conversations: int
    one: float
    eight: float


@cache
def model_sizes(name: str, precision: Precision) -> ServingSizes:
    """Return the sizes of a model by its config alone."""
    with torch.device("meta"):
        return sizes_of(AutoModelForCausalLM.from_config(config_of(name)), precision, "cuda")


def expect(pair: Pair) -> Expectation:
    """Return what a pair is expected to do."""
    sizes, total = model_sizes(pair.model, pair.precision), pair.memory << 30
    budgets = predict_budgets(sizes, [CardRoom(total, total - OTHERS)] * pair.count, ROWS, CONTEXT)
    bandwidth = bandwidth_of(pair.card)
    assert bandwidth is not None
    one, eight = (predict_speed(sizes, bandwidth, rows).tokens_per_second for rows in (1, 8))
    return Expectation(sizes.weights, conversations_of(budgets, LENGTH), one, eight)


def table() -> Iterator[str]:
    """Yield the lines of the table in Markdown."""
    yield f"| {' | '.join(_HEAD)} |"
    yield "|" + "---|" * len(_HEAD)
    for pair in PAIRS:
        found = expect(pair)
        cells = (
            pair.cards,
            pair.model,
            pair.precision,
            f"{found.weights / 1e9:.1f} GB",
            f"{found.conversations:,}",
            f"{found.one:.0f}",
            f"{found.eight:.0f}",
        )
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(table()))
