"""A trial of packing on a base model: packed examples must have the hidden states of the examples alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AttentionInterface

from bot.errors import UserError
from training.packing.layout import ATTENTION_NAME, pack_examples, packed_attention
from training.packing.loss import Backbone
from training.tokenization.examples import TokenizedExample

# Ids whose last two are labels: one example alone, two that share a prefix, one longer than a sliding window.
_PROBES = ((7, 9, 4), (3, 11, 19, 27, 5), (3, 11, 19, 8, 2, 6), (2, 4, 8, 16, 32, 64, 9, 18, 36))
# Relative distance of hidden states to those of an example alone, at most: rounding moves them by 1e-5 in
# float32 and by a hundredth in bfloat16, another example's tokens or a wrong position by much more.
_EXACT, _ROUNDED = 1e-3, 0.25
_BREAKS = (TypeError, ValueError, AttributeError, KeyError, IndexError, RuntimeError, NotImplementedError)


def make_packable(model: Any) -> None:
    """Give a model the packed attention; raises `UserError` where packed examples would influence each other.

    That is so in models which carry more than keys and values from token to token (a state, a convolution).
    """
    expected = torch.cat([_hidden_alone(model, ids) for ids in _PROBES])
    AttentionInterface.register(ATTENTION_NAME, packed_attention)
    try:
        model.set_attn_implementation(ATTENTION_NAME)
        packed = _hidden_packed(model)
    except _BREAKS as problem:
        raise _refusal(model) from problem
    error = max(float((each - expected).norm() / expected.norm()) for each in packed)
    if not error < (_EXACT if model.dtype == torch.float32 else _ROUNDED):
        raise _refusal(model)


def _probe(ids: Sequence[int]) -> TokenizedExample:
    weights = np.zeros(len(ids), np.float32)
    weights[-2:] = 1
    return TokenizedExample(np.array(ids, np.int32), weights, 1, "")


def _hidden_alone(model: Any, ids: Sequence[int]) -> Tensor:
    """Return the hidden states [2, size] that predict the last two ids, computed by transformers alone."""
    device = model.get_input_embeddings().weight.device
    backbone = getattr(model, model.base_model_prefix)
    with torch.inference_mode():
        output = backbone(input_ids=torch.tensor([ids], device=device), use_cache=False)
    hidden: Tensor = output.last_hidden_state[0, -3:-1].float()
    return hidden


def _hidden_packed(model: Any) -> list[Tensor]:
    """Return the hidden states [labels, size] of all probes in one row, with and without full backprop."""
    packed = pack_examples([_probe(ids) for ids in _PROBES], model.get_input_embeddings().weight.device)
    with torch.inference_mode():
        return [Backbone(model, full).eval()(packed).float() for full in (True, False)]


def _refusal(model: Any) -> UserError:
    return UserError(
        f"Base models of the kind {model.config.model_type} cannot be trained in rows: choose another "
        "[model] name."
    )
