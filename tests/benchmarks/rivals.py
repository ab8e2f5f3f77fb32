"""Rivals of the engine: `generate` of transformers, and PEFT's two ways with many adapters."""

import gc
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from bot.config import ModelSettings
from bot.engine.model_loader.load_plan import LoadPlan, plan_load
from bot.engine.model_loader.loader import load_weights
from tests.benchmarks.load import Rate, ids

_TRIED = 4  # tokens with which precisions are compared
_SHORT = 16  # tokens of the prompt for that


def base(data: Path, precision: str) -> LoadPlan:
    """The default model in a precision, converted once."""
    return plan_load(ModelSettings.model_validate({"precision": precision}), data, lambda stage: None)


def library(data: Path, precision: str) -> Any:
    """The same weights as the engine's, in the same precision, as transformers has them."""
    settings = ModelSettings.model_validate({"precision": precision})
    return _endless(load_weights(base(data, precision), settings))


def generate(model: Any, prompts: Sequence[tuple[int, ...]], tokens: int, **how: Any) -> Rate:
    """One call of `generate`, greedy, with the moment of every token."""
    moments: list[float] = []

    def note(sequences: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        moments.append(perf_counter())
        return torch.zeros(len(sequences), dtype=torch.bool)

    rows = torch.tensor(prompts)
    began = perf_counter()
    model.generate(
        input_ids=rows,
        attention_mask=torch.ones_like(rows),
        max_new_tokens=tokens,
        do_sample=False,
        pad_token_id=0,
        stopping_criteria=[note],
        **how,
    )
    whole = perf_counter() - began
    assert len(moments) == tokens
    later = len(rows) * (tokens - 1)
    return Rate(later / (moments[-1] - moments[0]), len(rows) * tokens / whole, moments[0] - began)


class Peft:
    """PEFT with adapters on the default model, in the precision that decodes faster on this machine."""

    def __init__(self, data: Path, folders: Sequence[Path]) -> None:
        self._names = [folder.name for folder in folders]
        self.tried: dict[str, float] = {}  # precision to tokens/s
        models = {}
        for precision in ("fp32", "bf16"):
            self.model = models[precision] = self._load(data, precision, folders)
            self.tried[precision] = self.mixed(_TRIED, _SHORT).decode
        self.precision = max(self.tried, key=lambda precision: self.tried[precision])
        self.model = models.pop(self.precision)
        models.clear()
        gc.collect()

    def mixed(self, tokens: int, prompt: int | None = None) -> Rate:
        """One batch with a row for each adapter."""
        rows = [ids(row)[:prompt] for row in range(len(self._names))]
        return generate(self.model, rows, tokens, adapter_names=self._names)

    def sequential(self, tokens: int) -> Rate:
        """One row after the other, each with its adapter set before. `decode` leaves the setting out."""
        began, rates = perf_counter(), []
        for row, name in enumerate(self._names):
            self.model.set_adapter(name)
            rates.append(generate(self.model, [ids(row)], tokens))
        whole = perf_counter() - began
        later = sum((tokens - 1) / rate.decode for rate in rates)
        made = len(rates) * tokens
        return Rate((made - len(rates)) / later, made / whole, rates[0].first)

    def _load(self, data: Path, precision: str, folders: Sequence[Path]) -> Any:
        """In 32 bits the same weights, widened. Adapters get the dtype of the base, which spares casts."""
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
        plain = _endless(AutoModelForCausalLM.from_pretrained(base(data, "bf16").folder, dtype=dtype))
        how = {"autocast_adapter_dtype": False}
        model = PeftModel.from_pretrained(plain, folders[0], adapter_name=folders[0].name, **how)
        for folder in folders[1:]:
            model.load_adapter(folder, adapter_name=folder.name, **how)
        return model.to(dtype).eval().requires_grad_(False)


def _endless(model: Any) -> Any:
    """No token ends an answer, without a logits processor that would cost time."""
    model.generation_config.eos_token_id = None
    return model.eval()
