"""Every setting of PEFT's LoraConfig: the adapter does what it does in PEFT, or is refused with the reason.

huggingface/peft#1744: without task_type PEFT writes auto_mapping, so that all of these have it.
"""

import dataclasses
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import EvaConfig, LoftQConfig, LoraConfig, PeftModel, get_peft_model, initialize_lora_eva_weights
from peft.tuners.lora import config as peft_config
from transformers import LlamaForCausalLM

from bot.engine.lora.registry import read_adapter
from bot.engine.model_executor.model_runner import ModelRunner
from bot.errors import UserError
from tests.bot.engine.lora.adapters import IDS, base_of, engine_logits, logits
from tests.bot.engine.lora.made_adapters import save_adapter
from tests.bot.engine.lora.spoiling import edit
from tests.fakes import tiny

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:(PiSSA|OLoRA|lora with eva|.*low_cpu_mem_usage).*:UserWarning"),
]

SERVED: dict[str, dict[str, Any]] = {
    "task_type": {"task_type": "CAUSAL_LM"},
    "peft_version": {},
    "revision": {"revision": "main"},
    "inference_mode": {"inference_mode": False},
    "r": {"r": 1},
    "lora_alpha": {"lora_alpha": 3},
    "lora_dropout": {"lora_dropout": 0.5},
    "target_modules, by one of its layers": {"target_modules": ["layers.0.self_attn.q_proj"]},
    "target_modules, all linear": {"target_modules": "all-linear"},
    "target_modules, a pattern": {"target_modules": r"model\.layers\.[01]\.(self_attn|mlp)\.(q|v|down)_proj"},
    "target_modules, Unsloth's (vllm-project/vllm#9275)": {
        "target_modules": r"(?:.*?(?:language|text).*?(?:self_attn|attn|mlp).*?(?:q_proj|v_proj).*?)|"
        r"(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn|mlp)\.(?:(?:q_proj|v_proj)))"
    },
    "target_modules, ms-swift's": {"target_modules": r"^(model)(?!.*(lm_head|output|emb|wte|o_proj)).*_proj"},
    "exclude_modules": {"exclude_modules": ["layers.0.self_attn.q_proj"]},
    "exclude_modules, a pattern": {"exclude_modules": r".*layers\.0\..*"},
    "fan_in_fan_out": {"fan_in_fan_out": False},
    "use_rslora": {"use_rslora": True},
    "init_lora_weights, true": {"init_lora_weights": True},
    "init_lora_weights, gaussian": {"init_lora_weights": "gaussian"},
    "init_lora_weights, orthogonal": {"init_lora_weights": "orthogonal"},
    "init_lora_weights, mica": {"init_lora_weights": "mica"},
    "layers_to_transform, layers_pattern": {"layers_to_transform": [0], "layers_pattern": "layers"},
    "layers_pattern, a list": {"layers_to_transform": 1, "layers_pattern": ["layers"]},
    "rank_pattern": {"rank_pattern": {"q_proj": 8, "model.layers.0.mlp.down_proj": 2}},
    "rank_pattern, patterns": {"rank_pattern": {"^model.layers.0.self_attn.q_proj": 8, ".*v_proj": 2}},
    "alpha_pattern": {"alpha_pattern": {"layers.1.self_attn.v_proj": 2}},
    "alpha_pattern, patterns": {"alpha_pattern": {r".*layers\.1\.(self_attn|mlp)\..*": 3, r"q_proj": 5}},
    "megatron_core": {"megatron_core": "megatron.core"},
    "loftq_config": {"loftq_config": {}},
    "eva_config": {"init_lora_weights": "eva", "eva_config": EvaConfig()},
    "corda_config": {"corda_config": peft_config.CordaConfig()},  # left by a conversion, as is lora_ga_config
    "lora_ga_config": {"lora_ga_config": peft_config.LoraGAConfig()},
    "qalora_group_size": {"qalora_group_size": 8},
    "runtime_config": {"runtime_config": peft_config.LoraRuntimeConfig(ephemeral_gpu_offload=True)},
    "ensure_weight_tying": {"ensure_weight_tying": True},
}
CONVERT = r"path_initial_model_for_weight_conversion"
MERGE = r"merge_and_unload"
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "bias": ({"bias": "lora_only"}, "it trains biases", MERGE),
    "modules_to_save": ({"modules_to_save": ["lm_head"]}, "it holds whole modules", MERGE),
    "init_lora_weights, pissa": ({"init_lora_weights": "pissa"}, "changed the base model's weights", CONVERT),
    "init_lora_weights, pissa_niter": ({"init_lora_weights": "pissa_niter_2"}, "changed the base", CONVERT),
    "init_lora_weights, olora": ({"init_lora_weights": "olora"}, "changed the base", CONVERT),
    "init_lora_weights, lora_ga": ({"init_lora_weights": "lora_ga"}, "changed the base", CONVERT),
    "trainable_token_indices": (
        {"trainable_token_indices": [1]},
        "it holds new rows of the embeddings",
        MERGE,
    ),
    "use_dora": ({"use_dora": True}, "DoRA scales each row", MERGE),
    "velora_config": ({"velora_config": peft_config.VeloraConfig()}, "VeLoRA", MERGE),
    "monteclora_config": ({"monteclora_config": peft_config.MontecloraConfig()}, "MonteCLoRA", MERGE),
    "alora_invocation_tokens": ({"alora_invocation_tokens": [1]}, "tokens inside a prompt", "train a plain"),
    "use_qalora": ({"use_qalora": True}, "groups of a quantised layer's inputs", MERGE),
    "layer_replication": ({"layer_replication": [[0, 2], [1, 2]]}, "it repeats layers", MERGE),
    "lora_bias": ({"lora_bias": True}, "it adds a bias to each layer", MERGE),
    "target_parameters": (
        {"target_parameters": ["model.layers.0.mlp.up_proj.weight"]},
        "parameters that belong to no linear layer",
        MERGE,
    ),
    "use_bdlora": (
        {"use_bdlora": peft_config.BdLoraConfig(nblocks=2, target_modules_bd_b=["_proj"])},
        "blocks of a diagonal",
        MERGE,
    ),
    "kasa_config": ({"kasa_config": peft_config.KasaConfig()}, "cut the base model's weights", MERGE),
    "target_modules, embeddings": ({"target_modules": ["embed_tokens"]}, "not half", "adapted table"),
}
# settings that take a card, a data set or several adapters to make: written into the config of a plain one
WRITTEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "init_lora_weights, corda": ({"init_lora_weights": "corda"}, "changed the base model's weights", CONVERT),
    "init_lora_weights, loftq": ({"init_lora_weights": "loftq"}, "base model that LoftQ quantised", MERGE),
    "loftq_config": ({"loftq_config": vars(LoftQConfig())}, "base model that LoftQ quantised", MERGE),
    "megatron_config": ({"megatron_config": {"hidden_size": 64}}, "it was split for Megatron", MERGE),
    "arrow_config": ({"arrow_config": {"top_k": 3}}, "a router among several adapters", "train a plain"),
    "task_type": ({"task_type": "SEQ_CLS"}, "trained for the task SEQ_CLS", "train a plain"),
    "peft_type": ({"peft_type": "LOHA"}, "not a LoRA adapter for a chat model but LOHA", "train a plain"),
}


def as_the_engine(folder: Path, made: Path) -> torch.Tensor:
    model = LlamaForCausalLM.from_pretrained(folder)
    loaded = read_adapter("a", made, base_of(model))
    return engine_logits(ModelRunner(model, "tiny", 512), loaded, len(IDS))


def as_peft(folder: Path, made: Path) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return logits(PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(folder), made))[0, -1]


@pytest.mark.parametrize("setting", SERVED)
def test_an_adapter_does_what_it_does_in_peft(folder: Path, tmp_path: Path, setting: str) -> None:
    made = save_adapter(LlamaForCausalLM.from_pretrained(folder), tmp_path / "a", **SERVED[setting])
    mine, theirs = as_the_engine(folder, made), as_peft(folder, made)
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("setting", REFUSED)
def test_another_method_is_refused_with_the_reason_and_what_helps(
    folder: Path, tmp_path: Path, setting: str
) -> None:
    settings, reason, remedy = REFUSED[setting]
    if setting == "lora_bias":
        settings = settings | {"init_lora_weights": True}
    made = save_adapter(LlamaForCausalLM.from_pretrained(folder), tmp_path / "a", **settings)
    with pytest.raises(UserError, match=f"{re.escape(reason)}.*; .*{remedy}"):
        read_adapter("a", made, base_of(LlamaForCausalLM.from_pretrained(folder)))


@pytest.mark.parametrize("setting", WRITTEN)
def test_a_method_that_takes_more_to_make_is_refused_so_too(folder: Path, mine: Path, setting: str) -> None:
    settings, reason, remedy = WRITTEN[setting]
    edit(mine, **settings)
    with pytest.raises(UserError, match=f"{re.escape(reason)}.*; .*{remedy}"):
        read_adapter("a", mine, base_of(LlamaForCausalLM.from_pretrained(folder)))


def test_every_setting_of_peft_is_tried() -> None:
    """A newer PEFT has more of them: each is served or refused on purpose."""
    tried = {key for table in (SERVED, REFUSED, WRITTEN) for key in re.findall(r"[a-z_]+", " ".join(table))}
    named = {field.name for field in dataclasses.fields(LoraConfig)}
    assert named - tried == {"auto_mapping", "base_model_name_or_path"}  # in all of them


@pytest.mark.parametrize("start", ["pissa", "olora"])
@pytest.mark.parametrize("rslora", [False, True])
def test_an_adapter_that_peft_converted_is_served(
    folder: Path, tmp_path: Path, start: str, rslora: bool
) -> None:
    """What the remedy of a refusal names: PEFT doubles rank and alpha."""
    torch.manual_seed(4)
    config = LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=start, use_rslora=rslora)
    model = get_peft_model(LlamaForCausalLM.from_pretrained(folder), config)
    begun = tmp_path / "begun"
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(begun)
    model.peft_config["default"].init_lora_weights = start
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    trained = logits(model)[0, -1]
    model.save_pretrained(tmp_path / "a", path_initial_model_for_weight_conversion=str(begun))
    torch.testing.assert_close(as_the_engine(folder, tmp_path / "a"), trained, atol=1e-3, rtol=1e-3)


def test_an_adapter_begun_by_eva_from_data_is_served(folder: Path, tmp_path: Path) -> None:
    """EVA gives each layer a rank and an alpha of its own (`rank_pattern`, `alpha_pattern`)."""
    torch.manual_seed(4)
    config = LoraConfig(
        r=4,
        target_modules=["q_proj", "v_proj", "down_proj"],
        init_lora_weights="eva",
        eva_config=EvaConfig(rho=2.0),
    )
    model = get_peft_model(LlamaForCausalLM.from_pretrained(folder), config)
    batches = [{"input_ids": torch.randint(3, 400, (2, 16))} for _ in range(8)]
    initialize_lora_eva_weights(model, batches, show_progress_bar=False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    model.save_pretrained(tmp_path / "a")
    trained = logits(model.eval())[0, -1]
    torch.testing.assert_close(as_the_engine(folder, tmp_path / "a"), trained, atol=1e-4, rtol=1e-4)


def test_a_config_of_many_patterns_has_room(folder: Path, mine: Path) -> None:
    """EVA names every layer twice: 64 KB hold 500 layers no more."""
    names = {f"model.layers.{layer}.self_attn.q_proj_{n}": 4 for layer in range(200) for n in range(10)}
    edit(mine, rank_pattern=names, alpha_pattern=names)
    assert read_adapter("a", mine, base_of(LlamaForCausalLM.from_pretrained(folder)))


def test_tied_embeddings_that_change_with_the_head_are_refused(tmp_path: Path) -> None:
    tied = tiny.save_model(tmp_path / "tied", tie_word_embeddings=True)
    settings = {"target_modules": ["lm_head"], "ensure_weight_tying": True}
    made = save_adapter(LlamaForCausalLM.from_pretrained(tied), tmp_path / "a", **settings)
    with pytest.raises(UserError, match="an adapted table of embeddings is not served"):
        read_adapter("a", made, base_of(LlamaForCausalLM.from_pretrained(tied)))
