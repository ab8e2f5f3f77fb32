"""The config.json of transformers for the model in a GGUF file, by its metadata."""

from collections.abc import Mapping
from typing import Any

from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.directory import TensorEntry
from bot.engine.checkpoint.gguf.families import Family
from bot.engine.checkpoint.gguf.metadata import Metadata
from bot.engine.checkpoint.gguf.rope import DEFAULT_THETA, RopeSource, read_rope
from bot.engine.checkpoint.gguf.sizes import ModelSizes

Config = dict[str, Any]
SLIDING, FULL = "sliding_attention", "full_attention"
_IDS = {"bos_token_id": "bos", "eos_token_id": "eos", "pad_token_id": "padding"}
_GEMMA2_PERIOD, _GEMMA3_PERIOD = 2, 6  # layers, of which the last attends to the whole context
_WIDE_GEMMA = {"gemma2": 46, "gemma3_text": 62}  # layers of the 27B, which scales queries by another size
_NO_ROPE_PERIOD = 4  # of SmolLM3: every fourth layer has no rotary positions, and files do not say it


def read_config(
    family: Family, source: RopeSource, sizes: ModelSizes, tensors: Mapping[str, TensorEntry]
) -> Config:
    """Return the config; raises `BrokenGguf` for damage, `RefusedFile` for what transformers lacks."""
    if family.model_type == "gpt2":
        return _gpt2_config(family, source, sizes, tensors)
    config: Config = {
        "architectures": [family.model_class],
        "model_type": family.model_type,
        "vocab_size": sizes.vocabulary,
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.inner,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "head_dim": sizes.head,
        "max_position_embeddings": sizes.context,
        "rms_norm_eps": _epsilon(source, "layer_norm_rms_epsilon"),
        "rope_parameters": read_rope(source, family.rotates_parts),
        "tie_word_embeddings": "output.weight" not in tensors,
        **_token_ids(source.metadata, sizes.vocabulary),
    }
    if family.biases and not family.always_biased:
        config["attention_bias"] = "blk.0.attn_q.bias" in tensors
    if family.has_mlp_bias:
        config["mlp_bias"] = "blk.0.ffn_up.bias" in tensors
    return config | _peculiarities(family.model_type, source, sizes, config)


def _gpt2_config(
    family: Family, source: RopeSource, sizes: ModelSizes, tensors: Mapping[str, TensorEntry]
) -> Config:
    """Return the config of GPT-2, which has names of its own for the same sizes."""
    return {
        "architectures": [family.model_class],
        "model_type": family.model_type,
        "vocab_size": sizes.vocabulary,
        "n_embd": sizes.hidden,
        "n_inner": sizes.inner,
        "n_layer": sizes.layers,
        "n_head": sizes.heads,
        "n_positions": sizes.context,
        "layer_norm_epsilon": _epsilon(source, "layer_norm_epsilon"),
        "tie_word_embeddings": "output.weight" not in tensors,
        **_token_ids(source.metadata, sizes.vocabulary),
    }


def _epsilon(source: RopeSource, key: str) -> float:
    epsilon = source.metadata.get_number(f"{source.architecture}.attention.{key}")
    if epsilon is None or not 0 <= epsilon < 1:
        raise BrokenGguf("it does not say the epsilon of its norms")
    return epsilon


def _token_ids(metadata: Metadata, vocabulary: int) -> Config:
    ids: Config = {}
    for name, key in _IDS.items():
        id = metadata.get_whole(f"tokenizer.ggml.{key}_token_id")
        ids[name] = id if id is not None and id < vocabulary else None
    return ids


def _peculiarities(kind: str, source: RopeSource, sizes: ModelSizes, config: Config) -> Config:
    metadata, below = source.metadata, f"{source.architecture}."
    match kind:
        case "mistral" | "phi3":
            own: Config = {"sliding_window": _window(source)}
            original = config["rope_parameters"].get("original_max_position_embeddings", sizes.context)
            return own | ({"original_max_position_embeddings": original} if kind == "phi3" else {})
        case "smollm3":
            return {
                "no_rope_layers": [int((layer + 1) % _NO_ROPE_PERIOD > 0) for layer in range(sizes.layers)]
            }
        case "granite":
            names = {"embedding_scale": "embedding_multiplier", "residual_scale": "residual_multiplier"}
            names |= {"attention.scale": "attention_multiplier", "logit_scale": "logits_scaling"}
            scales = {name: metadata.get_number(below + key) for key, name in names.items()}
            scales["attention_multiplier"] = scales["attention_multiplier"] or sizes.head**-0.5
            return {name: scale or 1.0 for name, scale in scales.items()}
        case "gemma":
            return {"hidden_act": "gelu_pytorch_tanh"}
        case "gemma2":
            return _gemma(kind, source, sizes, _GEMMA2_PERIOD)
        case "gemma3_text":
            local = {"rope_type": "default", "rope_theta": source.number("freq_base_swa") or DEFAULT_THETA}
            rope = {SLIDING: local, FULL: config["rope_parameters"]}
            return _gemma(kind, source, sizes, _GEMMA3_PERIOD) | {"rope_parameters": rope}
    return {}


def _window(source: RopeSource) -> int | None:
    """Return the tokens that a sliding layer sees; None for all."""
    return source.metadata.get_whole(f"{source.architecture}.attention.sliding_window") or None


def _gemma(kind: str, source: RopeSource, sizes: ModelSizes, period: int) -> Config:
    window = _window(source)
    scale = source.metadata.get_number(f"{source.architecture}.attention.scale")
    wide = sizes.layers == _WIDE_GEMMA[kind]
    return {
        "sliding_window": window,
        "layer_types": _layer_types(source, sizes.layers, period) if window else [FULL] * sizes.layers,
        "query_pre_attn_scalar": round(scale**-2, 3) if scale else _query_size(sizes, wide),
        "attn_logit_softcapping": _soft_cap(source, "attn_logit_softcapping"),
        "final_logit_softcapping": _soft_cap(source, "final_logit_softcapping"),
        "hidden_activation": "gelu_pytorch_tanh",
    }


def _query_size(sizes: ModelSizes, is_wide: bool) -> int:
    return sizes.hidden // sizes.heads if is_wide else sizes.head


def _soft_cap(source: RopeSource, key: str) -> float | None:
    return source.metadata.get_number(f"{source.architecture}.{key}") or None


def _layer_types(source: RopeSource, layers: int, period: int) -> list[str]:
    """Return the kind of each layer: by a list of truth values, or by a period."""
    key = f"{source.architecture}.attention.sliding_window_pattern"
    if source.metadata.is_array(key):
        slides = source.metadata.get_numbers(key)
        if slides is None or slides.size != layers:
            raise BrokenGguf(f"its {key} is not of {layers} layers")
        return [SLIDING if each else FULL for each in slides]
    period = source.metadata.get_whole(key) or period
    return [SLIDING if (layer + 1) % period else FULL for layer in range(layers)]
