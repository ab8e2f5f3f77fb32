"""Adapters as PEFT saves them, of any model and any settings, with weights that change every answer."""

import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

LINEAR = ["q_proj", "v_proj", "down_proj"]


def save_adapter(model: Any, folder: Path, **settings: Any) -> Path:
    """Save an adapter of rank 4, by default without task_type, as people do."""
    torch.manual_seed(2)
    told = {"r": 4, "lora_alpha": 16, "target_modules": LINEAR, "init_lora_weights": False, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = get_peft_model(model, LoraConfig(**told))
        with torch.no_grad():
            for name, parameter in made.named_parameters():
                if "lora_" in name:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        made.save_pretrained(folder)
    return folder
