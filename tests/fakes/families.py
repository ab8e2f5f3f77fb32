"""A tiny random model of every family that is served, its peculiarities switched on, and of some refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from tests.fakes import tiny

WINDOW = 16  # tokens that a sliding layer sees
SHORT = 128  # positions that a stretched rotary embedding was trained for
LONG = 1024  # positions that a model reads: the context to load it with
SEPARATE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SLIDING, FULL = "sliding_attention", "full_attention"

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """The recipe of a tiny model. `plain` are settings under which it answers otherwise, one claim each."""

    model_type: str
    settings: Settings
    linear: tuple[str, ...] = SEPARATE  # all linear layers but the head
    plain: tuple[Settings, ...] = ()
    lora: Settings = field(default_factory=dict)  # what PEFT must know beside rank and targets
    seed: int = 7  # of the weights


def _rope(kind: str, **more: Any) -> dict[str, Any]:
    return {"rope_theta": 10_000.0, "rope_type": kind, **more}


def _longrope(original: int) -> dict[str, Any]:
    factors = {"short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [4.0] * 4}
    more = {"factor": 8.0, "original_max_position_embeddings": original, "partial_rotary_factor": 0.5}
    return _rope("longrope", **more, **factors)


PLAIN_ROPE = {"rope_parameters": _rope("default")}
NO_WINDOW = {"sliding_window": None}
STRETCHED = {"factor": 8.0, "original_max_position_embeddings": SHORT}

FAMILIES: dict[str, Family] = {
    "llama": Family("llama", {}),
    "llama-llama3": Family(
        "llama",
        {"rope_parameters": _rope("llama3", low_freq_factor=1.0, high_freq_factor=4.0, **STRETCHED)},
        plain=(PLAIN_ROPE,),
    ),
    "llama-yarn": Family("llama", {"rope_parameters": _rope("yarn", **STRETCHED)}, plain=(PLAIN_ROPE,)),
    "qwen2": Family("qwen2", {}),
    "qwen2-window": Family(
        "qwen2",
        {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": [FULL, SLIDING]},
        plain=({"layer_types": [FULL, FULL]}, {"layer_types": [SLIDING, SLIDING]}),
    ),
    "qwen3": Family("qwen3", {"head_dim": 32}, seed=10),
    "mistral": Family("mistral", {"sliding_window": WINDOW}, plain=(NO_WINDOW,)),
    "gemma2": Family(
        "gemma2",
        {
            "head_dim": 32,
            "sliding_window": WINDOW,
            "layer_types": [SLIDING, FULL],
            "query_pre_attn_scalar": 10,
            "attn_logit_softcapping": 4.0,
            "final_logit_softcapping": 6.0,
        },
        plain=(
            {"layer_types": [FULL, FULL]},
            {"layer_types": [SLIDING, SLIDING]},
            {"attn_logit_softcapping": None},
            {"final_logit_softcapping": None},
            {"query_pre_attn_scalar": 24},
        ),
        seed=8,
    ),
    "gemma3": Family(
        "gemma3_text",
        {
            "head_dim": 24,
            "sliding_window": WINDOW,
            "num_hidden_layers": 3,
            "layer_types": [SLIDING, SLIDING, FULL],
            "query_pre_attn_scalar": 10,
            "rope_parameters": {
                SLIDING: _rope("default"),
                FULL: _rope("linear", factor=8.0) | {"rope_theta": 1e6},
            },
        },
        plain=(
            {"layer_types": [FULL] * 3},
            {"layer_types": [SLIDING] * 3},
            {"rope_parameters": dict.fromkeys((SLIDING, FULL), _rope("default"))},
        ),
    ),
    "phi3": Family(
        "phi3",
        {
            "sliding_window": WINDOW,
            "original_max_position_embeddings": LONG,
            "rope_parameters": _rope("default", partial_rotary_factor=0.5),
        },
        linear=("qkv_proj", "o_proj", "gate_up_proj", "down_proj"),
        plain=(NO_WINDOW, {"rope_parameters": _rope("default", partial_rotary_factor=1.0)}),
    ),
    "phi3-longrope": Family(  # its second set of factors begins where the context ends
        "phi3",
        {
            "max_position_embeddings": 8 * LONG,
            "original_max_position_embeddings": LONG,
            "rope_parameters": _longrope(LONG),
        },
        linear=("qkv_proj", "o_proj", "gate_up_proj", "down_proj"),
        plain=({"rope_parameters": _rope("default", partial_rotary_factor=0.5)},),
    ),
    "glm4": Family(
        "glm4",
        {
            "head_dim": 24,
            "attention_bias": True,
            "rope_parameters": _rope("default", partial_rotary_factor=0.5),
        },
        linear=("q_proj", "k_proj", "v_proj", "o_proj", "gate_up_proj", "down_proj"),
        plain=({"rope_parameters": _rope("default", partial_rotary_factor=1.0)},),
    ),
    "granite": Family(
        "granite",
        {
            "embedding_multiplier": 3.0,
            "residual_multiplier": 0.6,
            "attention_multiplier": 0.4,
            "logits_scaling": 256.0,
        },
        plain=({"embedding_multiplier": 1.0}, {"residual_multiplier": 1.0}, {"attention_multiplier": 0.25}),
    ),
    "smollm3": Family("smollm3", {"no_rope_layers": [1, 0]}, plain=({"no_rope_layers": [1, 1]},)),
    "gpt2": Family("gpt2", {"n_inner": 128}, ("c_attn", "c_proj", "c_fc"), lora={"fan_in_fan_out": True}),
}

_MAMBA2 = {"mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16, "mamba_chunk_size": 16}
_LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 4}
_LINEAR |= {"linear_key_head_dim": 16, "linear_value_head_dim": 16}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2}
_EXPERTS |= {"moe_intermediate_size": 32, "shared_expert_intermediate_size": 32}

REFUSED: dict[str, Family] = {
    "mamba": Family("mamba", {"state_size": 8}),  # a state in place of keys and values
    "bamba": Family("bamba", {"attn_layer_indices": [1], **_MAMBA2}),  # states beside them
    "jamba": Family("jamba", {"attn_layer_period": 2, "attn_layer_offset": 1}),
    "recurrent-gemma": Family("recurrent_gemma", {"attention_window_size": WINDOW, "num_hidden_layers": 3}),
    "qwen3-next": Family(
        "qwen3_next",
        {"layer_types": ["linear_attention", FULL], **_LINEAR, **_EXPERTS},
    ),
    "lfm2": Family("lfm2", {"layer_types": ["conv", FULL]}),
    "bloom": Family("bloom", {"n_layer": 2, "n_head": 4}),  # ALiBi, in an attention of its own
    "mpt": Family("mpt", {"d_model": 64, "n_heads": 4, "n_layers": 2}),
    "gpt-oss": Family("gpt_oss", {"head_dim": 16, "num_local_experts": 4, **PLAIN_ROPE}),  # attention sinks
    # The longest row of a batch decides the frequencies of all, under keys that are cached already.
    "phi3-longrope-passed": Family(
        "phi3",
        {"original_max_position_embeddings": SHORT, "rope_parameters": _longrope(SHORT)},
    ),
}


def save(name: str, folder: Path) -> Path:
    """Build and save one of `FAMILIES` or `REFUSED`: float32 in safetensors, with a byte-level tokenizer."""
    family, tokenizer = {**FAMILIES, **REFUSED}[name], tiny.byte_level()
    torch.manual_seed(family.seed)
    model = AutoModelForCausalLM.from_config(_config(family, tokenizer.get_vocab_size()))
    _perturb(model)
    model.save_pretrained(folder)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


def save_adapter(name: str, base: Path, folder: Path, rank: int, targets: tuple[str, ...]) -> Path:
    """A LoRA made by PEFT for the model of that family in `base`, with weights that change its answers."""
    torch.manual_seed(rank)
    config = LoraConfig(
        task_type="CAUSAL_LM", init_lora_weights=False, r=rank, lora_alpha=3 * rank,
        target_modules=list(targets), **FAMILIES[name].lora,
    )  # fmt: skip
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    return folder


def _config(family: Family, vocabulary: int) -> Any:
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": LONG}
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    rest = {"vocab_size": vocabulary, "initializer_range": 0.2, "tie_word_embeddings": False}
    return AutoConfig.for_model(family.model_type, **sizes | heads | ids | rest | dict(family.settings))


def _perturb(model: torch.nn.Module) -> None:
    """Move biases from zero, and the weights of norms from one, where they would not be noticed."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
