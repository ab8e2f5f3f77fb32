"""Tiny models that read images beside text, and the text models inside them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedTokenizerFast,
)

from tests.fakes import tiny

_TEXT = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 1024, "initializer_range": 0.2,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "tie_word_embeddings": False,
}  # fmt: skip
_EYES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
_EYES |= {"image_size": 28, "patch_size": 14}
_DEEP_EYES = {"depth": 1, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64}
_ROPE = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}}


@dataclass(frozen=True)
class Wrapper:
    """The recipe of a wrapper: its text model's class has weights of the same names behind a prefix."""

    model_type: str
    text_type: str
    text: Mapping[str, Any]
    eyes: Mapping[str, Any]
    more: Mapping[str, Any]


_KINDS = ["sliding_attention", "sliding_attention", "full_attention"]
WRAPPERS = {
    "gemma3": Wrapper(
        "gemma3", "gemma3_text", {"sliding_window": 8, "layer_types": _KINDS, "query_pre_attn_scalar": 16},
        _EYES, {"mm_tokens_per_image": 4},
    ),
    "llava": Wrapper(
        "llava", "llama", {"model_type": "llama"}, _EYES | {"model_type": "clip_vision_model"}, {}
    ),
    "mistral3": Wrapper(
        "mistral3", "mistral", {"model_type": "mistral"}, _EYES | {"model_type": "pixtral"}, {}
    ),
    "qwen2_5_vl": Wrapper("qwen2_5_vl", "qwen2", _ROPE, _DEEP_EYES | {"patch_size": 14}, {}),
    "qwen3_vl": Wrapper(
        "qwen3_vl", "qwen3", _ROPE,
        _DEEP_EYES | {"patch_size": 14, "deepstack_visual_indexes": [0], "num_position_embeddings": 16}, {},
    ),
}  # fmt: skip


def save_wrapper(name: str, folder: Path) -> Path:
    """Save a wrapper with random weights and a tokenizer."""
    wrapper, tokenizer = WRAPPERS[name], tiny.byte_level()
    torch.manual_seed(11)
    config = AutoConfig.for_model(
        wrapper.model_type,
        text_config=_TEXT | {"vocab_size": tokenizer.get_vocab_size()} | dict(wrapper.text),
        vision_config=dict(wrapper.eyes),
        tie_word_embeddings=False,
        **wrapper.more,
    )
    AutoModelForImageTextToText.from_config(config).save_pretrained(folder)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


def save_text_model(wrapped: Path, name: str, folder: Path) -> Path:
    """Save the text model inside a saved wrapper as a model of its own."""
    whole: Any = AutoModelForImageTextToText.from_pretrained(wrapped)
    told = json.loads((wrapped / "config.json").read_text())["text_config"]
    told |= {"model_type": WRAPPERS[name].text_type, "tie_word_embeddings": False}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**told))
    model.model.load_state_dict(whole.model.language_model.state_dict())
    model.lm_head.load_state_dict(whole.lm_head.state_dict())
    model.save_pretrained(folder)
    for file in wrapped.glob("tokenizer*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
