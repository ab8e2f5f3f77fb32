"""A base model with random weights and adapters for it, on a real card or small on the CPU.

The tests of `test_real_*.py` have one body for both: on the CPU they are known to work.
"""

import asyncio
import gc
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen2Config

from bot.config import ModelSettings
from bot.engine.core.engine_core import EngineCore
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.resources import RequestResources
from bot.engine.core.stats import EngineStats
from bot.engine.interface import Request
from bot.engine.model_loader import load_plan, loader
from bot.engine.model_loader.load_plan import LoadPlan
from bot.engine.model_loader.loader import LoadedModel
from bot.engine.tokenizer.files import read_tokenizer
from bot.persona.persona import Sampling
from tests.fakes import tiny

LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
NO_STOP = frozenset({100_000})  # an id that never comes
CARD = (
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
)
DEVICES = [pytest.param("cpu", "fp32"), pytest.param("cuda:0", "nf4", marks=CARD)]  # with precisions
# As Qwen2.5-1.5B, with a vocabulary of the tokenizer that tests train.
_REAL = {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12}
_SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}


def save_base(folder: Path, device: str) -> Path:
    """Save a base model of 1.3 billion random weights, made on the card; of two small layers for a CPU."""
    tokenizer = tiny.byte_level()
    config = Qwen2Config(
        **(_SMALL if device == "cpu" else _REAL),
        num_key_value_heads=2,
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=8192,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.3 if device == "cpu" else 0.02,
    )
    torch.manual_seed(7)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


def save_adapter(folder: Path, base: Path, seed: int) -> Path:
    """Save an adapter of rank 16 on all linear layers, as PEFT does, that changes answers."""
    settings = ModelSettings(name=str(base), device="cpu", precision="fp32")
    shapes = {
        path: module.weight.shape
        for path, module in loader.meta_model(plan_of(settings, folder)).named_modules()
        if path.endswith(LAYERS)
    }
    generator, tensors = torch.Generator().manual_seed(seed), dict[str, Tensor]()
    for path, (out, inputs) in shapes.items():
        name = f"base_model.model.{path}"
        tensors[f"{name}.lora_A.weight"] = torch.randn(16, inputs, generator=generator) / inputs**0.5
        tensors[f"{name}.lora_B.weight"] = torch.randn(out, 16, generator=generator) * 0.05
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=16,
        lora_alpha=32,
        target_modules=list(LAYERS),
        base_model_name_or_path=str(base),
    )
    config.save_pretrained(folder)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return folder


def settings_of(base: Path, device: str, precision: str, **more: object) -> ModelSettings:
    plain = {"name": str(base), "device": device, "precision": precision, "context": 8192, "rows": 8}
    return ModelSettings.model_validate(plain | {"cache": 64 if device == "cpu" else 0, **more})


def plan_of(settings: ModelSettings, data: Path) -> LoadPlan:
    return load_plan.plan_load(settings, data, lambda stage: None)


def load(settings: ModelSettings, data: Path) -> LoadedModel:
    """Load a base model as the engine's thread does."""
    plan = plan_of(settings, data)
    return loader.load_model(plan, settings, read_tokenizer(plan.folder))


def core_of(loaded: LoadedModel, graphs: bool = True) -> EngineCore:
    return EngineCore(RequestResources(loaded, 8), EngineStats(), graphs)


def request(number: int, length: int, tokens: int, **more: object) -> Request:
    """Return a request for so many tokens, with a prompt that no other number begins alike."""
    ids = tuple(260 + (number * 37 + place * 11 + place * place) % 140 for place in range(length))
    sampling = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=tokens)
    deadlines = {"first_deadline": 1e6, "deadline": 1e6}
    return Request(ids, sampling, stop_ids=NO_STOP, **(deadlines | more))  # type: ignore[arg-type]


def submit(core: EngineCore, requests: Sequence[Request]) -> list[OutputStream]:
    """Queue requests for `core.step` in a running event loop."""
    streams = [OutputStream(each, asyncio.get_running_loop()) for each in requests]
    for stream in streams:
        core.add_request(stream)
    return streams


def held_bytes(device: str) -> int:
    """Return the bytes of all tensors that live: of a card by torch's own count."""
    gc.collect()
    if device != "cpu":
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()
    tensors = [each for each in gc.get_objects() if type(each) in (Tensor, torch.nn.Parameter)]
    storages: Mapping[int, int] = {
        each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in tensors
    }
    return sum(storages.values())
