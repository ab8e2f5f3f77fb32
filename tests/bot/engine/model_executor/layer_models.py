"""Tiny models whose decoder layers native.c may compute whole, with adapters, and their answers."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.kernels.packed_linear import PackedLinear
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.linear import LoraPair
from bot.engine.lora.registry import linear_layers
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.quantization.packing import pack

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 4},
    "qwen2": {},
    "qwen3": {},
    "smollm3": {"no_rope_layers": [1, 0], "no_rope_layer_interval": 2},
}
PROMPTS = (1, 3, 40)  # tokens of each row's


def model(family: str, dtype: torch.dtype) -> Any:
    torch.manual_seed(4)
    sizes = {"hidden_size": 128, "intermediate_size": 192, "num_hidden_layers": 2, "head_dim": 32}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 320, "pad_token_id": 0}
    config = AutoConfig.for_model(family, **sizes, **heads, initializer_range=0.1, **FAMILIES[family])
    return AutoModelForCausalLM.from_config(config).to(dtype).eval()


def packed_model(family: str, dtype: torch.dtype, type_name: str = "Q8_0") -> Any:
    """As `model`, with all matrices in blocks, and biases that are not zero."""
    packed = model(family, dtype)
    for path, layer in linear_layers(packed).items():
        bias = None if layer.bias is None else torch.randn(layer.out_features).to(dtype)
        packed.set_submodule(path, PackedLinear(pack(layer.weight.detach().float(), type_name), bias))
    return packed


def adapter(name: str, runner: ModelRunner, rank: int, seed: int) -> LoadedAdapter:
    rng = torch.Generator().manual_seed(seed)
    return LoadedAdapter(
        name,
        {
            path: LoraPair(
                torch.randn(rank, inputs, generator=rng), torch.randn(out, rank, generator=rng) / 20, 0.1
            )
            for path, (out, inputs) in runner.shapes.items()
            if path != "lm_head"
        },
    )


def answers(
    runner: ModelRunner, adapters: Sequence[tuple[int, int]] = (), prompts: Sequence[int] = PROMPTS
) -> Tensor:
    """The logits of all rows [steps, rows, vocabulary] over a step of prompts and three of single tokens.

    adapters: rank and seed of each, of which the rows take turns.
    """
    loaded = [adapter(f"{seed}", runner, rank, seed) for rank, seed in adapters]
    for one in loaded:
        runner.active_adapters.activate(one)
    rows, found = KVCache(1 << 30).allocate(50, len(prompts)) or [], []
    slots = [
        runner.active_adapters.slot_of(loaded[n % len(loaded)]) if loaded else -1 for n in range(len(rows))
    ]
    for number in range(4):
        lengths = prompts if number == 0 else [1] * len(rows)
        spans = [
            TokenSpan(row, tuple(range(7 + number, 7 + number + length)), slot, 0.5 + n)
            for n, (row, length, slot) in enumerate(zip(rows, lengths, slots, strict=True))
        ]
        step = ForwardBatch(spans, "cpu", runner.native)
        logits = runner.forward(step)
        order = [step.spans.index(span) for span in spans]
        found.append(logits[order])
        step.advance()
    return torch.stack(found).float()
