"""LoRA layers without a transformer, and the plain formula beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.attention.kv_slab import KVSlot
from bot.engine.kernels.matmul import PlainMatmul
from bot.engine.lora.active import ActiveAdapters, LoadedAdapter
from bot.engine.lora.batch_mapping import ForwardContext, adapter_batch_of, last_token_batch_of
from bot.engine.lora.joined_layer import JoinedLayer
from bot.engine.lora.linear import LoraLinear, LoraPair

INPUTS = 6
LAYERS = (("q", "k", "v"), ("gate", "up"), ("down",), ("lm_head",))
OUT = {"q": 8, "k": 4, "v": 4, "gate": 10, "up": 10, "down": 6, "lm_head": 12}


def random(*shape: int) -> Tensor:
    return torch.randint(-3, 4, shape, dtype=torch.float32)


def adapter(name: str, rank: int, layers: Sequence[str]) -> LoadedAdapter:
    """Return an adapter of whole numbers, so that every sum is exact in float32."""
    pairs = {layer: LoraPair(random(rank, INPUTS), random(OUT[layer], rank), 0.5 * rank) for layer in layers}
    return LoadedAdapter(name, pairs)


def kv_slots(count: int) -> list[KVSlot]:
    return KVCache(1 << 30).allocate(1, count) or []


class Model:
    """LoRA layers without a transformer, their active adapters, and the plain formula."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.context = ForwardContext()
        self.weights = {layer: random(OUT[layer], INPUTS) for layer in OUT}
        self.layers = [self._layer(names) for names in LAYERS]
        self.active = ActiveAdapters(self.layers, torch.zeros(0))
        self.adapters = [
            adapter("narrow", 1, ["q", "v"]),
            adapter("wide", 9, ["v", "gate", "up", "down"]),
            adapter("plain", 4, ["q", "k", "v", "down"]),
            adapter("head", 3, ["lm_head"]),
            adapter("whole", 4, list(OUT)),
            adapter("nothing", 2, []),
        ]

    def _layer(self, names: Sequence[str]) -> LoraLinear:
        parts: list[JoinedLayer] = []
        for name in names:
            start = parts[-1].end if parts else 0
            parts.append(JoinedLayer(name, start, start + OUT[name]))
        kernel = PlainMatmul(torch.cat([self.weights[name] for name in names]), None)
        cpu = torch.device("cpu")
        return LoraLinear(kernel, parts, INPUTS, self.context, cpu, last=names == ("lm_head",))

    def check(self, tokens: Sequence["Tokens"]) -> None:
        """Compare a pass over these spans with the formula, laid out in both ways."""
        spans = [
            TokenSpan(slot, (1,) * one.count, self.active.slot_of(one.adapter), one.strength)
            for slot, one in zip(kv_slots(len(tokens)), tokens, strict=True)
        ]
        owner = {id(span): one for span, one in zip(spans, tokens, strict=True)}
        batch = ForwardBatch(spans, "cpu")
        order = [owner[id(span)] for span in batch.spans]
        every = [one for one in order for _ in range(one.count)]
        for layer, names in zip(self.layers, LAYERS, strict=True):
            through = order if layer.reads_last else every
            x = random(1, len(through), INPUTS)
            wanted = [
                torch.cat([self._formula(x[0, n], one, name) for name in names])
                for n, one in enumerate(through)
            ]
            for gather in (False, True):
                self.context.tokens, self.context.last = (
                    adapter_batch_of(batch, gather),
                    last_token_batch_of(batch, gather),
                )
                torch.testing.assert_close(layer(x)[0], torch.stack(wanted), rtol=0, atol=0)

    def _formula(self, x: Tensor, one: "Tokens", name: str) -> Tensor:
        product = self.weights[name] @ x
        if one.adapter is None or name not in one.adapter.pairs:
            return product
        pair = one.adapter.pairs[name]
        return product + one.strength * pair.scale * (pair.b @ (pair.a @ x))


@dataclass(frozen=True)
class Tokens:
    """One sequence's next tokens."""

    adapter: LoadedAdapter | None
    count: int = 1
    strength: float = 1.0
