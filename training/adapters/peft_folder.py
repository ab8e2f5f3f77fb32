"""An adapter as a plain PEFT folder: each pair under its layer's own name in the base model."""

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from bot.adapter.files import CONFIG, WEIGHTS
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.linear import LoraPair
from bot.files import write_private
from training.store.indented_json import encode_indented


def write_peft_folder(adapter: LoadedAdapter, folder: Path, base: str) -> None:
    """Write an adapter's config and weights; `base` is the name of its base model.

    Modules are named one by one, so that no library searches them by a pattern.
    """
    tensors = dict[str, Tensor]()
    for layer, pair in adapter.pairs.items():
        for half, matrix in (("A", pair.a), ("B", pair.b)):
            tensors[f"base_model.model.{layer}.lora_{half}.weight"] = _served(matrix)
    write_private(folder / CONFIG, [encode_indented(_config(adapter, base))])
    write_private(folder / WEIGHTS, [save(tensors)])


def _config(adapter: LoadedAdapter, base: str) -> dict[str, Any]:
    ranks = {layer: pair.rank for layer, pair in adapter.pairs.items()}
    alphas = {layer: _alpha(pair) for layer, pair in adapter.pairs.items()}
    rank, alpha = _commonest(ranks), _commonest(alphas)
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {layer: each for layer, each in ranks.items() if each != rank},
        "alpha_pattern": {layer: each for layer, each in alphas.items() if each != alpha},
        "target_modules": sorted(ranks),
        "bias": "none",
        "inference_mode": True,
    }


def _alpha(pair: LoraPair) -> int | float:
    """Return the alpha whose quotient with the rank is the scale, a whole number where it was one."""
    alpha = float(f"{pair.scale * pair.rank:.12g}")
    return int(alpha) if alpha.is_integer() else alpha


def _commonest(values: dict[str, Any]) -> Any:
    return Counter(values.values()).most_common(1)[0][0]


def _served(matrix: Tensor) -> Tensor:
    """Return a matrix of its own, in a dtype that PEFT and the engine have."""
    return matrix.to(torch.float32 if matrix.dtype == torch.float64 else matrix.dtype, copy=True).contiguous()
