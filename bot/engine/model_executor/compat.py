"""Private parts of transformers that the engine builds on, each as seen in version 5.24.

`tests/bot/engine/model_executor/test_compat.py` fails when an upgrade changes one of them.
"""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.kernels.attention import AttentionShape

# Attention of these classes is: project, norm where there is one, rotate halves, attend, project.
FUSED_ATTENTION = frozenset(
    f"{family}Attention"
    for family in ("Llama", "Mistral", "Qwen2", "Qwen3", "Gemma2", "Gemma3", "Granite", "SmolLM3")
)
# Layers of these classes are: h += attention(norm(h)), then h += down(act(gate(n)) * up(n)) of n = norm(h).
NATIVE_LAYERS = frozenset(
    f"{family}DecoderLayer" for family in ("Llama", "Mistral", "Qwen2", "Qwen3", "SmolLM3")
)


@dataclass(frozen=True, slots=True)
class AttentionSettings:
    """Settings of an attention module of `FUSED_ATTENTION`. `group_size`: query heads for each KV head."""

    layer_index: int
    head_size: int
    group_size: int
    uses_rope: bool
    q_norm: Any  # a module, or None
    k_norm: Any
    shape: AttentionShape


def attention_settings(module: Any) -> AttentionSettings:
    """Read the settings of an attention module; Mistral keeps its sliding window in the model's config."""
    in_config = type(module).__name__ == "MistralAttention"
    window = getattr(module.config if in_config else module, "sliding_window", None)
    return AttentionSettings(
        layer_index=module.layer_idx,
        head_size=module.head_dim,
        group_size=module.num_key_value_groups,
        uses_rope=bool(getattr(module, "use_rope", True)),
        q_norm=getattr(module, "q_norm", None),
        k_norm=getattr(module, "k_norm", None),
        shape=AttentionShape(module.scaling, window, getattr(module, "attn_logit_softcapping", None)),
    )


def register_attention(name: str) -> None:
    """Register the engine's attention under a name for `set_attn_implementation`."""
    AttentionInterface.register(name, _attention)


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    step: ForwardBatch,
    **settings: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it: query [1, heads, tokens, size], key and value [1, kv heads, ..]."""
    if settings.get("s_aux") is not None or mask is not None:
        raise NotImplementedError("attention with sinks, or with a mask of its own")
    scale = settings.get("scaling")
    shape = AttentionShape(
        query.shape[-1] ** -0.5 if scale is None else scale,
        settings.get("sliding_window"),
        settings.get("softcap"),
    )
    pair = torch.stack((key[0].transpose(0, 1), value[0].transpose(0, 1)), 1)
    attended = step.attend(module.layer_idx, query[0].transpose(0, 1), pair, shape)
    return attended.view(1, len(attended), -1, query.shape[-1]), None


def takes_logits_to_keep(model: Any) -> bool:
    """Return whether the model computes logits of chosen tokens only."""
    return "logits_to_keep" in inspect.signature(model.forward).parameters


def is_gated_mlp(module: nn.Module) -> bool:
    """Return whether a module is down(act(gate(x)) * up(x)), given that it has gate_proj and up_proj."""
    named = type(module).__name__.endswith("MLP")
    return named and hasattr(module, "down_proj") and hasattr(module, "act_fn")


def is_silu(act_fn: Any) -> bool:
    """Return whether an activation is SiLU."""
    return type(act_fn).__name__ in ("SiLU", "SiLUActivation")


def rms_norm_weights(module: nn.Module) -> tuple[Tensor, float] | None:
    """Return weight [size] in full and epsilon of an RMS norm, or None; Gemma stores its weight minus one."""
    name = type(module).__name__
    weight = getattr(module, "weight", None)
    epsilon = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    if not name.endswith("RMSNorm") or weight is None or weight.dim() != 1 or epsilon is None:
        return None
    return weight.float() + 1 if name.startswith("Gemma") else weight, float(epsilon)


def rotates_whole_heads(config: Any) -> bool:
    """Return whether rotary positions turn all of a head, as `fused_layers.apply_rotary` does."""
    return all(rope.get("partial_rotary_factor") in (None, 1, 1.0) for rope in _rope_parameters(config))


def stable_positions(config: Any) -> int | None:
    """Return the tokens beyond which rotary positions change with a batch's longest row; None: never."""
    limits = [
        rope.get("original_max_position_embeddings") or config.get_text_config().max_position_embeddings
        for rope in _rope_parameters(config)
        if rope.get("rope_type") in ("dynamic", "longrope")
    ]
    return min(limits, default=None)


def _rope_parameters(config: Any) -> list[dict[str, Any]]:
    """Return the rotary parameters of all layers: those of the model, and those of each kind of layer."""
    rope = getattr(config.get_text_config(), "rope_parameters", None) or {}
    return [part for part in (rope, *rope.values()) if isinstance(part, dict)]
