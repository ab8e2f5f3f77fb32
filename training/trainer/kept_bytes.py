"""Bytes that autograd keeps of a token, counted on the base model's own layers without values."""

import warnings
from typing import Any

import torch
from peft import get_peft_model
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from transformers import AttentionInterface, AutoModelForCausalLM

from training.packing.attention import AttentionOptions
from training.packing.layout import ATTENTION_NAME, packed_attention
from training.planning.recipe import Recipe
from training.planning.training_memory import KeptBytes
from training.trainer.lora_learner import lora_config

_TOKENS = 64


def count_kept_bytes(config: Any, dtype: torch.dtype, recipe: Recipe) -> KeptBytes:
    """Return what a layer of a model keeps for its backward pass; `config` and `dtype` are the model's.

    One layer is the difference of two layers to one.
    """
    (less, _), (more, attention) = (_count(config, layers, dtype, recipe) for layers in (1, 2))
    key_values = attention.key_values // 2
    hidden = config.get_text_config().hidden_size * dtype.itemsize
    return KeptBytes((more - less - key_values) // _TOKENS, key_values // _TOKENS, hidden)


def _count(config: Any, layers: int, dtype: torch.dtype, recipe: Recipe) -> tuple[int, "_CountingAttention"]:
    """Return the bytes that a model with so many layers keeps, and its attention."""
    model = _adapted_model(config, layers, dtype, recipe)
    weights = {_storage_key(each) for each in (*model.parameters(), *model.buffers())}
    kept, attention = dict[int, torch.UntypedStorage](), _CountingAttention()

    def pack(tensor: Tensor) -> Tensor:
        if (key := _storage_key(tensor)) not in weights:
            kept[key] = tensor.untyped_storage()
        return tensor

    positions = torch.arange(_TOKENS, device="meta")[None]
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        backbone = getattr(model, model.base_model_prefix)
        backbone(input_ids=positions, position_ids=positions, use_cache=False, layout=attention)
    return sum(storage.nbytes() for storage in kept.values()), attention


def _adapted_model(config: Any, layers: int, dtype: torch.dtype, recipe: Recipe) -> Any:
    """Return the frozen model with an adapter in training, with `layers` layers and without values."""
    small = type(config).from_dict(config.to_dict())
    text = small.get_text_config()
    text.num_hidden_layers = layers
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:layers]
    AttentionInterface.register(ATTENTION_NAME, packed_attention)
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        model = AutoModelForCausalLM.from_config(small, dtype=dtype).requires_grad_(False)
        model.set_attn_implementation(ATTENTION_NAME)
        get_peft_model(model, lora_config(model, recipe, ""))
    if recipe.device != "cpu":
        _use_card_dropout(model)
    return model.train()


def _use_card_dropout(model: nn.Module) -> None:
    """Let dropout keep a mask of bytes, as the kernel of a card does; others keep one in float32."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                setattr(module, name, _CardDropout(child.p))


class _CardDropout(nn.Module):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate

    def forward(self, value: Tensor) -> Tensor:
        dropped: Tensor = torch.native_dropout(value, self._rate, True)[0]
        return dropped


class _CountingAttention:
    """Attention as a fused kernel has it: inputs and output are kept, and no scores."""

    def __init__(self) -> None:
        self.key_values = 0  # bytes of keys and values, of all layers

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions
    ) -> Tensor:
        self.key_values += key.nbytes + value.nbytes
        out: Tensor = _FusedAttention.apply(query, key, value)  # type: ignore[no-untyped-call]
        return out


class _FusedAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, out)
        return out

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        return upstream[0], None, None


def _storage_key(tensor: Tensor) -> int:
    key: int = tensor.untyped_storage()._cdata
    return key
