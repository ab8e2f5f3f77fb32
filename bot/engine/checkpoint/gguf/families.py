"""Families of models by the architecture that GGUF files name, and what llama.cpp calls their parts.

Names of parts, order of rows and what is added to norms are facts of llama.cpp's `gguf-py` and `conversion/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ATTENTION = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
}
MLP = {"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
FUSED_MLP = {"ffn_up": "mlp.gate_up_proj", "ffn_down": "mlp.down_proj"}
NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
HEAD_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
GEMMA_NORMS = {
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
GLM_NORMS = NORMS | {
    "post_attention_norm": "post_self_attn_layernorm",
    "post_ffw_norm": "post_mlp_layernorm",
}
GPT2_PARTS = {
    "attn_norm": "ln_1",
    "attn_qkv": "attn.c_attn",
    "attn_output": "attn.c_proj",
    "ffn_norm": "ln_2",
    "ffn_up": "mlp.c_fc",
    "ffn_down": "mlp.c_proj",
}
TOP = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
GPT2_TOP = {
    "token_embd.weight": "transformer.wte.weight",
    "position_embd.weight": "transformer.wpe.weight",
    "output_norm.weight": "transformer.ln_f.weight",
    "output_norm.bias": "transformer.ln_f.bias",
}
QKV = frozenset(ATTENTION[part] for part in ("attn_q", "attn_k", "attn_v"))
QKVO = frozenset(ATTENTION.values())


@dataclass(frozen=True, slots=True)
class Family:
    """A family: `parts` maps the parts of a layer to modules of transformers.

    `top` are the parameters outside of layers but the head, `layers` what stands before a layer's number.
    `biases`: modules that have one where the attention has; `always_biased`: in every model of the family.
    `interleaves`: rows of queries and keys lie in pairs that the rotary embedding turns, not in halves.
    `added`: what the file adds to the weight of each norm. `transposes`: transformers has the matrices of
    layers as [in, out].
    """

    model_type: str
    model_class: str
    parts: Mapping[str, str]
    biases: frozenset[str] = frozenset()
    always_biased: bool = False
    interleaves: bool = False
    added: float = 0.0
    has_mlp_bias: bool = False
    rotates_parts: bool = False  # of a head, by "rope.dimension_count"
    transposes: bool = False
    top: Mapping[str, str] = field(default_factory=lambda: TOP)
    layers: str = "model.layers."


_LLAMA = NORMS | ATTENTION | MLP
FAMILIES: dict[str, Family] = {
    "llama": Family("llama", "LlamaForCausalLM", _LLAMA, QKVO, interleaves=True, has_mlp_bias=True),
    "qwen2": Family("qwen2", "Qwen2ForCausalLM", _LLAMA, QKV, always_biased=True),
    "qwen3": Family("qwen3", "Qwen3ForCausalLM", _LLAMA | HEAD_NORMS, QKVO),
    "gemma": Family("gemma", "GemmaForCausalLM", _LLAMA, QKVO, added=1.0),
    "gemma2": Family("gemma2", "Gemma2ForCausalLM", GEMMA_NORMS | ATTENTION | MLP, QKVO, added=1.0),
    "gemma3": Family(
        "gemma3_text", "Gemma3ForCausalLM", GEMMA_NORMS | HEAD_NORMS | ATTENTION | MLP, QKVO, added=1.0
    ),
    "phi3": Family(
        "phi3",
        "Phi3ForCausalLM",
        NORMS | FUSED_MLP | {"attn_qkv": "self_attn.qkv_proj", "attn_output": "self_attn.o_proj"},
        rotates_parts=True,
    ),
    "glm4": Family("glm4", "Glm4ForCausalLM", GLM_NORMS | ATTENTION | FUSED_MLP, QKV, rotates_parts=True),
    "granite": Family("granite", "GraniteForCausalLM", _LLAMA, QKVO, interleaves=True, has_mlp_bias=True),
    "gpt2": Family(
        "gpt2",
        "GPT2LMHeadModel",
        GPT2_PARTS,
        frozenset(GPT2_PARTS.values()),
        always_biased=True,
        transposes=True,
        top=GPT2_TOP,
        layers="transformer.h.",
    ),
    "smollm3": Family("smollm3", "SmolLM3ForCausalLM", _LLAMA, QKVO, interleaves=True, has_mlp_bias=True),
}
MISTRAL = Family("mistral", "MistralForCausalLM", _LLAMA, interleaves=True)


def served_families() -> tuple[str, ...]:
    """Return the families that are served, by the names that people know."""
    return ("llama", "mistral", *(name for name in FAMILIES if name != "llama"))
