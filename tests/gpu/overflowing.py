"""Tiny models whose numbers are too large for float16, each in one place, though every weight fits."""

from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from tests.fakes.families import FAMILIES, save, save_adapter

RESIDUAL, OUTPUT, PRODUCT = "residual stream", "output of down_proj", "act(gate) * up"
_FITS = 6e4  # below 65,504
# The factor of weights by the ends of their paths.
_FACTORS = {
    RESIDUAL: {"o_proj": 3e3, "down_proj": 3e3, "c_proj": 3e3},
    OUTPUT: {"down_proj": 3e4, "mlp.c_proj": 3e4},
    PRODUCT: {"gate_proj": 10.0, "up_proj": 5e3, "gate_up_proj": 300.0, "down_proj": 1e-3},
}


def save_overflowing(name: str, place: str, folder: Path) -> Path:
    """Save a model of a family in float16, and the adapters "wide" and "narrow" for it beside it."""
    plain = save(name, folder / "plain")
    model = AutoModelForCausalLM.from_pretrained(plain, dtype=torch.float32)
    with torch.no_grad():
        for path, module in model.named_modules():
            _enlarge(path, module, place)
    base = folder / "base"
    model.half().save_pretrained(base)
    linear = FAMILIES[name].linear
    save_adapter(name, base, folder / "wide", 4, linear)
    save_adapter(name, base, folder / "narrow", 7, linear[::2])
    return base


def _enlarge(path: str, module: nn.Module, place: str) -> None:
    """Multiply a module's own weight and bias by its factor; embeddings and norms belong to the residual."""
    for end, factor in _FACTORS[place].items():
        if path.endswith(f".{end}"):
            for parameter in module.parameters():
                parameter.mul_(factor)
    if place == RESIDUAL and isinstance(module, nn.Embedding):
        scale = float(getattr(module, "embed_scale", 1))
        longest = module.weight.abs().amax(1, keepdim=True).clamp(min=1e-6)
        module.weight.mul_(_FITS / scale / longest)
    if place == RESIDUAL and path.endswith(("post_feedforward_layernorm", "post_mlp_layernorm")):
        for parameter in module.parameters():
            parameter.add_(1e4)
