"""Base models of real sizes with random weights, quantised layer by layer on the device: for a real card."""

from typing import Any

import torch
import transformers
from torch import Tensor, nn

SPREAD = 0.02  # of the weights, as models begin with


def random_model(config: Any, precision: str = "nf4", device: str = "cuda") -> Any:
    """Return a frozen causal model, in "nf4" or 16 bits; one matrix at a time is on the device in 16 bits."""
    dtype = torch.bfloat16 if precision != "fp16" else torch.float16
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
    if precision == "nf4":
        for path, layer in list(model.named_modules()):
            if type(layer) is nn.Linear and path != "lm_head":
                parent, _, name = path.rpartition(".")
                setattr(model.get_submodule(parent), name, _quantised(layer, device))
    _fill(model, device)
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    return model.requires_grad_(False).eval()


def _quantised(linear: nn.Linear, device: str) -> nn.Module:
    from bitsandbytes.nn import Linear4bit, Params4bit

    dtype = linear.weight.dtype
    layer = Linear4bit(1, 1, bias=False, compute_dtype=dtype, quant_type="nf4", device="meta")
    layer.in_features, layer.out_features = linear.in_features, linear.out_features
    plain = torch.empty(linear.weight.shape, dtype=dtype, device=device).normal_(0, SPREAD)
    layer.weight = Params4bit(plain.cpu(), requires_grad=False, quant_type="nf4").to(device)
    layer.bias = linear.bias
    return layer


def _fill(model: nn.Module, device: str) -> None:
    """Give every parameter that is still without values random ones, and weights of norms 1."""
    made: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, each in list(module._parameters.items()):
            if each is not None and each.device.type == "meta":
                if id(each) not in made:
                    made[id(each)] = nn.Parameter(_values(each, device), requires_grad=False)
                module._parameters[name] = made[id(each)]


def _values(empty: Tensor, device: str) -> Tensor:
    values = torch.empty(empty.shape, dtype=empty.dtype, device=device)
    return values.normal_(0, SPREAD) if empty.dim() > 1 else values.fill_(1)
