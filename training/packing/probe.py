"""Whether a base model keeps packed examples apart, found by trying it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AttentionInterface

from bot.errors import UserError
from training.packing.layout import NAME, attend, pack
from training.packing.loss import Trunk
from training.tokenization.examples import TokenizedExample

# Ids whose last two are learned: alone, as the beginning of others, and longer than a sliding window.
_PROBES = ((7, 9, 4), (3, 11, 19, 27, 5), (3, 11, 19, 8, 2, 6), (2, 4, 8, 16, 32, 64, 9, 18, 36))
# How far hidden states may be from those of a lesson alone, relative to their size: rounding moves them by
# 1e-5 in float32 and by a hundredth in bfloat16, another lesson's words or a wrong position by much more.
_EXACT, _ROUNDED = 1e-3, 0.25
_BREAKS = (TypeError, ValueError, AttributeError, KeyError, IndexError, RuntimeError, NotImplementedError)


def make_packable(model: Any) -> None:
    """Give a model the attention that keeps lessons apart; raises `UserError` where it does not.

    A model that carries more than keys and values from token to token (a state, a convolution) would mix
    them.
    """
    alone = [_alone(model, ids) for ids in _PROBES]
    AttentionInterface.register(NAME, attend)
    try:
        model.set_attn_implementation(NAME)
        found = _together(model)
    except _BREAKS as problem:
        raise _refusal(model) from problem
    expected = torch.cat(alone)
    error = max(float((each - expected).norm() / expected.norm()) for each in found)
    if not error < (_EXACT if model.dtype == torch.float32 else _ROUNDED):
        raise _refusal(model)


def _probe(ids: Sequence[int]) -> TokenizedExample:
    weights = np.zeros(len(ids), np.float32)
    weights[-2:] = 1
    return TokenizedExample(np.array(ids, np.int32), weights, 1, "")


def _alone(model: Any, ids: Sequence[int]) -> Tensor:
    """The hidden states [2, size] from which the last two ids are foretold, as transformers has them."""
    device = model.get_input_embeddings().weight.device
    trunk = getattr(model, model.base_model_prefix)
    with torch.inference_mode():
        found = trunk(input_ids=torch.tensor([ids], device=device), use_cache=False)
    hidden: Tensor = found.last_hidden_state[0, -3:-1].float()
    return hidden


def _together(model: Any) -> list[Tensor]:
    """The same of all probes in a row, when all are read, and when they are answered behind that."""
    packed = pack([_probe(ids) for ids in _PROBES], model.get_input_embeddings().weight.device)
    with torch.inference_mode():
        return [Trunk(model, deep).eval()(packed).float() for deep in (True, False)]


def _refusal(model: Any) -> UserError:
    kind = model.config.model_type
    return UserError(
        f"Base models of the kind {kind} cannot be trained in rows: choose another [model] name."
    )
