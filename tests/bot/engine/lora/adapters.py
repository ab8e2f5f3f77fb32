"""Logits and answers of a tiny model under an adapter."""

import torch

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.registry import linear_shapes
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_executor.model_runner import ModelRunner
from bot.persona.persona import Sampling

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=16)
IDS = (1, 300, 301, 302, 303)
CONFIG, WEIGHTS, MANIFEST = "adapter_config.json", "adapter_model.safetensors", "manifest.json"
PREFIX = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


async def text(engine: LocalEngine, adapter: str | None = None, strength: float = 1.0) -> str:
    stop_ids = frozenset({100_000})
    generation = engine.generate(Request(IDS, GREEDY, adapter=adapter, strength=strength, stop_ids=stop_ids))
    return "".join([piece.text async for piece in generation])


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(torch.tensor([IDS])).logits
    return found


def engine_logits(
    decoder: ModelRunner, adapter: LoadedAdapter | None, tokens: int, strength: float = 1.0
) -> torch.Tensor:
    """Return the logits behind the last id, with the prompt read in passes of `tokens` tokens."""
    (slot,) = KVCache(1 << 30).allocate(len(IDS)) or ()
    if adapter is not None:
        decoder.active_adapters.activate(adapter)
    for start in range(0, len(IDS), tokens):
        ids = IDS[start : start + tokens]
        batch = ForwardBatch(
            [TokenSpan(slot, ids, decoder.active_adapters.slot_of(adapter), strength)], decoder.device
        )
        found = decoder.forward(batch)[0]
        batch.advance()
    if adapter is not None:
        decoder.active_adapters.deactivate(adapter)
    return found


def base_of(model: torch.nn.Module) -> BaseModelIdentity:
    return BaseModelIdentity("tiny", "0" * 64, linear_shapes(model))
