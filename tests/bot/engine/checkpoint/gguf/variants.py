"""Tiny models of every family that GGUF files are served of, each with what its files can say."""

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

VOCABULARY = 96
_SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "vocab_size": VOCABULARY}
_HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024}
_IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_COMMON = _SIZES | _HEADS | _IDS | {"tie_word_embeddings": False, "rms_norm_eps": 1e-5}
_STRETCHED = {"factor": 8.0, "original_max_position_embeddings": 128}
_LLAMA3 = {"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0, **_STRETCHED}
_FACTORS = {"short_factor": [1.0, 1.5], "long_factor": [4.0, 3.1]}
_GEMMA = {"tie_word_embeddings": True, "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 24}
_GPT2 = {"n_embd": 32, "n_inner": 96, "n_layer": 2, "n_head": 4, "n_positions": 64, "vocab_size": VOCABULARY}
_GPT2 |= _IDS | {"tie_word_embeddings": False}
_SLIDING, _FULL = "sliding_attention", "full_attention"


def _rope(theta: float = 10_000.0, **more: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_theta": theta, "rope_type": "default", **more}}


def _gemma3_rope(local: float, **more: Any) -> dict[str, Any]:
    full = {"rope_type": "default", "rope_theta": 1e6, **more}
    return {"rope_parameters": {_SLIDING: {"rope_type": "default", "rope_theta": local}, _FULL: full}}


VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama-tied": ("llama", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    "llama-biased": ("llama", {"attention_bias": True, "mlp_bias": True, "head_dim": 12}),
    "llama-llama3": ("llama", {"head_dim": 16} | _rope(500_000.0, **_LLAMA3)),
    "llama-llama3-steep": ("llama", {"head_dim": 32} | _rope(**_LLAMA3 | {"high_freq_factor": 6.5})),
    "llama-linear": ("llama", _rope(rope_type="linear", factor=4.0)),
    "llama-yarn": ("llama", _rope(rope_type="yarn", **_STRETCHED)),
    "mistral": ("mistral", {"sliding_window": None}),
    "mistral-window": ("mistral", {"sliding_window": 16}),
    "qwen2": ("qwen2", {"rms_norm_eps": 1e-6}),
    "qwen3": ("qwen3", {"head_dim": 16} | _rope(1e6)),
    "qwen3-biased": ("qwen3", {"head_dim": 16, "attention_bias": True}),
    "gemma": ("gemma", {"head_dim": 16, "tie_word_embeddings": True}),
    "gemma2": ("gemma2", {**_GEMMA, "attn_logit_softcapping": 40.5, "final_logit_softcapping": 20.5}),
    "gemma2-wide": ("gemma2", {**_GEMMA, "num_hidden_layers": 46, "query_pre_attn_scalar": 8}),
    "gemma3": ("gemma3_text", {**_GEMMA, "num_hidden_layers": 7, **_gemma3_rope(10_000.0)}),
    "gemma3-linear": ("gemma3_text", {**_GEMMA, **_gemma3_rope(1e4, rope_type="linear", factor=8.0)}),
    "gemma3-local": ("gemma3_text", {**_GEMMA, "final_logit_softcapping": 30.0, **_gemma3_rope(5_000.0)}),
    "phi3": ("phi3", {"sliding_window": 16, "original_max_position_embeddings": 1024}),
    "phi3-partial": (
        "phi3",
        {"original_max_position_embeddings": 1024, "tie_word_embeddings": True}
        | _rope(partial_rotary_factor=0.75),
    ),
    "phi3-longrope": (
        "phi3",
        {"original_max_position_embeddings": 256}
        | _rope(
            rope_type="longrope",
            factor=4.0,
            original_max_position_embeddings=256,
            partial_rotary_factor=0.5,
            **_FACTORS,
        ),
    ),
    "glm4": ("glm4", {"head_dim": 8, "attention_bias": True} | _rope(partial_rotary_factor=0.5)),
    "glm4-plain": ("glm4", {"head_dim": 8, "attention_bias": False} | _rope(partial_rotary_factor=0.5)),
    "granite": (
        "granite",
        {
            "embedding_multiplier": 3.0,
            "residual_multiplier": 0.22,
            "attention_multiplier": 0.4,
            "logits_scaling": 8.0,
        },
    ),
    "gpt2": ("gpt2", _GPT2),
    "gpt2-tied": ("gpt2", {**_GPT2, "tie_word_embeddings": True, "layer_norm_epsilon": 1e-6}),
    "smollm3": ("smollm3", {"num_hidden_layers": 5, "no_rope_layers": [1, 1, 1, 0, 1]}),
}


def make_model(name: str) -> Any:
    """Return a model of a variant, its biases and norms moved from where they would not be noticed."""
    model_type, settings = VARIANTS[name]
    torch.manual_seed(3)
    common = {} if model_type == "gpt2" else _COMMON
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **common | settings))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()
