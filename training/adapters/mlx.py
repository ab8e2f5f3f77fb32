"""An adapter of MLX (mlx_lm.lora), read as the config and the tensors of a PEFT adapter.

MLX stores `lora_a` [in, rank] and `lora_b` [rank, out], and the scale of both itself. Until 2024 the scale
was multiplied by alpha / rank, with alpha beside it.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bot.engine.lora.refusals import MERGE
from bot.untrusted import RefusedFile

_NAME = re.compile(r"([A-Za-z0-9_.]+)\.lora_([ab])")

Json = dict[str, Any]


def rewrite_mlx(config: Mapping[str, Any], stored: Mapping[str, Tensor]) -> tuple[Json, dict[str, Tensor]]:
    """Return adapter_config.json and tensors as PEFT has them; raises `RefusedFile`."""
    kind = config.get("fine_tune_type", "lora")
    if kind != "lora":
        reason = "it holds whole layers, trained by MLX" if kind == "full" else "it is a DoRA of MLX"
        raise RefusedFile(f"{reason}, and not LoRA matrices", f"fuse it with mlx_lm.fuse, and {MERGE}")
    tensors = _rename(stored)
    rank = next(len(values) for name, values in tensors.items() if ".lora_A." in name)
    modules = [name[: -len(".lora_A.weight")] for name in tensors if name.endswith(".lora_A.weight")]
    base = config.get("model")
    told = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": _scale(config.get("lora_parameters"), rank) * rank,
        "target_modules": [module.removeprefix("base_model.model.") for module in modules],
        "base_model_name_or_path": base if isinstance(base, str) else "",
    }
    return told, tensors


def _scale(parameters: Any, rank: int) -> float:
    told = parameters if isinstance(parameters, dict) else {}
    scale, alpha = told.get("scale"), told.get("alpha", rank)
    if not all(type(number) in (int, float) for number in (scale, alpha)):
        raise RefusedFile("its settings name no scale (lora_parameters)", "train it with a newer mlx_lm")
    return float(scale * alpha / rank)


def _rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the matrices as PEFT names and lays them out."""
    renamed = dict[str, Tensor]()
    for name, values in tensors.items():
        match = _NAME.fullmatch(name)
        if match is None or values.ndim != 2:
            raise RefusedFile("it holds a tensor that is not half of a LoRA matrix pair", MERGE)
        renamed[f"base_model.model.{match[1]}.lora_{match[2].upper()}.weight"] = values.T.contiguous()
    if not any(".lora_A." in name for name in renamed):
        raise RefusedFile("it holds no matrices", "train it again")
    return renamed
