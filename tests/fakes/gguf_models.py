"""Tiny GGUF files as llama.cpp's converter writes them, from models of transformers; by gguf's own writer."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[Any]
Change = Callable[[gguf.GGUFWriter], None]

ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gemma": gguf.MODEL_ARCH.GEMMA,
    "gemma2": gguf.MODEL_ARCH.GEMMA2,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3,
    "phi3": gguf.MODEL_ARCH.PHI3,
    "glm4": gguf.MODEL_ARCH.GLM4,
    "gpt2": gguf.MODEL_ARCH.GPT2,
    "granite": gguf.MODEL_ARCH.GRANITE,
    "smollm3": gguf.MODEL_ARCH.SMOLLM3,
}
INTERLEAVED = ("llama", "mistral", "granite", "smollm3")


def write_model(path: Path, model: Any, *changes: Change, split: int = 0) -> Path:
    """Write a model of transformers without a tokenizer; `changes` add more. `split`: tensors of a part."""
    config = model.config
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture], split_max_tensors=split)
    _write_sizes(writer, config)
    if config.model_type != "gpt2":
        _write_rope(writer, config)
    _write_peculiarities(writer, config)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, values in weights_of(model).items():
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert found is not None, name
        writer.add_tensor(found, converted(config, name, values))
    for change in changes:
        change(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def weights_of(model: Any) -> dict[str, Array]:
    """Return the model's weights by name, without a head that is the embedding."""
    state: Mapping[str, torch.Tensor] = model.state_dict()
    tied = model.config.tie_word_embeddings
    return {
        name: tensor.float().numpy()
        for name, tensor in state.items()
        if not (tied and name == "lm_head.weight")
    }


def converted(config: Any, name: str, values: Array) -> Array:
    """Return a weight as the converter writes it: rows in pairs, one added to norms, matrices turned."""
    if config.model_type == "gpt2" and ".c_" in name and name.endswith("weight"):
        return np.ascontiguousarray(values.T)
    if config.model_type.startswith("gemma") and name.endswith("norm.weight"):
        return values + np.float32(1)
    if config.model_type not in INTERLEAVED:
        return values
    heads = {".q_proj": config.num_attention_heads, ".k_proj": config.num_key_value_heads}
    rotated = [count for part, count in heads.items() if part in name]
    if rotated:
        split = values.reshape(rotated[0], 2, values.shape[0] // rotated[0] // 2, *values.shape[1:])
        return np.ascontiguousarray(split.swapaxes(1, 2).reshape(values.shape))
    return values


def _write_sizes(writer: gguf.GGUFWriter, config: Any) -> None:
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_head_count(config.num_attention_heads)
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(config.n_inner)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    else:
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if head := getattr(config, "head_dim", None):
        writer.add_key_length(head)
        writer.add_value_length(head)
    for key, id in {
        "bos": config.bos_token_id,
        "eos": config.eos_token_id,
        "pad": config.pad_token_id,
    }.items():
        if id is not None:
            getattr(writer, f"add_{key}_token_id")(id)


def _write_rope(writer: gguf.GGUFWriter, config: Any) -> None:
    rope = config.rope_parameters
    local, rope = rope.get("sliding_attention"), rope.get("full_attention", rope)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rotated = int(head * rope.get("partial_rotary_factor", 1))
    writer.add_rope_dimension_count(rotated)
    writer.add_rope_freq_base(rope["rope_theta"])
    if local and local["rope_theta"] != 10_000:
        writer.add_float32(f"{writer.arch}.rope.freq_base_swa", local["rope_theta"])
    match rope["rope_type"]:
        case "linear" | "yarn" as kind:
            writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
            writer.add_rope_scaling_factor(rope["factor"])
            if kind == "yarn":
                writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        case "llama3":
            writer.add_tensor("rope_freqs.weight", llama3_factors(rope, head))
        case "longrope":
            for name in ("long", "short"):
                writer.add_tensor(f"rope_factors_{name}.weight", np.array(rope[f"{name}_factor"], np.float32))
            original = rope["original_max_position_embeddings"]
            factor = config.max_position_embeddings / original
            writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(factor) / math.log(original)))


def llama3_factors(rope: Mapping[str, Any], head: int) -> Array:
    """Return the factor of each frequency by Llama 3's formula."""
    waves = 2 * np.pi * rope["rope_theta"] ** (np.arange(0, head, 2) / head)
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    original = rope["original_max_position_embeddings"]
    share = (original / waves - low) / (high - low)
    between = 1 / ((1 - share) / factor + share)
    factors = np.where(waves < original / high, 1, np.where(waves > original / low, factor, between))
    return factors.astype(np.float32)


def _write_peculiarities(writer: gguf.GGUFWriter, config: Any) -> None:
    match config.model_type:
        case "phi3":
            writer.add_rope_scaling_orig_ctx_len(config.original_max_position_embeddings)
            writer.add_sliding_window(config.sliding_window or 0)
        case "mistral" if config.sliding_window:
            writer.add_sliding_window(config.sliding_window)
        case "mistral":
            writer.add_name("Mistral 7B")
        case "granite":
            writer.add_attention_scale(config.attention_multiplier)
            writer.add_embedding_scale(config.embedding_multiplier)
            writer.add_residual_scale(config.residual_multiplier)
            writer.add_logit_scale(config.logits_scaling)
        case "gemma2" | "gemma3_text":
            if config.attn_logit_softcapping:
                writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
            if config.final_logit_softcapping:
                writer.add_final_logit_softcapping(config.final_logit_softcapping)
            if config.sliding_window:
                writer.add_sliding_window(config.sliding_window)
