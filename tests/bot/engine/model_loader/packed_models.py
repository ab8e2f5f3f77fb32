"""Tiny models whose matrices have whole blocks of 64 columns, and plans of serving them packed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from bot.engine.kernels.matmul import dense_weight
from bot.engine.lora.registry import linear_layers
from bot.engine.model_loader.load_plan import LoadPlan, plan_load
from tests.bot.engine.checkpoint.gguf.variants import VARIANTS, make_model
from tests.bot.engine.model_loader.driver import settings

SIZES = {"hidden_size": 64, "intermediate_size": 128, "head_dim": 16}
GPT2 = {"n_embd": 64, "n_inner": 128}
TYPES = {"nf4": "NF4", "int8": "Q8_0"}


def whole_blocks(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tiny model of a variant whose matrices have whole blocks of 64 columns."""
    model_type, given = VARIANTS[name]
    monkeypatch.setitem(VARIANTS, name, (model_type, given | (GPT2 if model_type == "gpt2" else SIZES)))
    return make_model(name)


def planned(folder: Path, data: Path, precision: str = "auto", stages: list[str] | None = None) -> LoadPlan:
    told = [] if stages is None else stages
    return plan_load(settings(folder, precision=precision), data, told.append, serves_packed=True)


def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str = "llama") -> Path:
    whole_blocks(name, monkeypatch).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def stored_quantised(model: Any, folder: Path, precision: str, *, nested: bool = False) -> dict[str, Tensor]:
    """Let bitsandbytes store a model quantised; return the plain numbers of its layers by its own formula."""
    model.save_pretrained(folder / "plain")
    quantised = BitsAndBytesConfig(
        load_in_4bit=precision == "nf4",
        load_in_8bit=precision == "int8",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=nested,
        llm_int8_threshold=0.0,
    )
    stored = AutoModelForCausalLM.from_pretrained(
        folder / "plain", quantization_config=quantised, device_map={"": "cpu"}, dtype=torch.float32
    )
    stored.save_pretrained(folder / "stored")
    layers = {path: layer for path, layer in linear_layers(stored).items() if path != "lm_head"}
    return {path: dense_weight(layer)[0].clone() for path, layer in layers.items()}
