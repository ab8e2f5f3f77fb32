"""An adapter changes the logits as PEFT does."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import LlamaForCausalLM

from bot.engine.lora.registry import read_adapter
from bot.engine.model_executor.model_runner import ModelRunner
from tests.bot.engine.lora.adapters import IDS, base_of, engine_logits, logits
from tests.fakes import tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"r": 1, "lora_alpha": 1},
        {"use_rslora": True},
        {"target_modules": "all-linear"},
        {"target_modules": ["k_proj", "gate_proj"]},
        {"rank_pattern": {"q_proj": 8}, "alpha_pattern": {"layers.1.self_attn.v_proj": 2}},
        {"layers_to_transform": [1]},
        {"exclude_modules": ["layers.0.self_attn.q_proj"]},
        {"lora_dropout": 0.5},
    ],
)
def test_an_adapter_does_what_peft_does(folder: Path, tmp_path: Path, config: dict[str, Any]) -> None:
    made = tiny.save_adapter(tmp_path / "adapter", folder, **config)
    theirs = logits(PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(folder), made))
    model = LlamaForCausalLM.from_pretrained(folder)
    plain, loaded = logits(model), read_adapter("a", made, base_of(model))
    decoder = ModelRunner(model, "tiny", 512)
    for tokens in (1, len(IDS)):
        torch.testing.assert_close(
            engine_logits(decoder, loaded, tokens), theirs[0, -1], atol=1e-4, rtol=1e-4
        )
        torch.testing.assert_close(engine_logits(decoder, None, tokens), plain[0, -1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("tokens", [1, len(IDS)])
def test_strength_scales_an_adapter(folder: Path, adapter: Path, strength: float, tokens: int) -> None:
    theirs = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(folder), adapter)
    for layer in theirs.modules():
        if hasattr(layer, "scale_layer"):
            layer.scale_layer(strength)
    model = LlamaForCausalLM.from_pretrained(folder)
    loaded = read_adapter("a", adapter, base_of(model))
    mine = engine_logits(ModelRunner(model, "tiny", 512), loaded, tokens, strength)
    torch.testing.assert_close(mine, logits(theirs)[0, -1], atol=1e-4, rtol=1e-4)
