"""Names, order of rows and cuts of tensors in LLaMA's own checkpoints (consolidated.00.pth, params.json).

A checkpoint of N files holds each matrix cut in N pieces. The two numbers that the rotary embedding turns
together lie side by side in LLaMA's rows, and half a head apart in those of transformers. Both follow from
the code of facebookresearch/llama (model.py) and of transformers (convert_llama_weights_to_hf.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bot.errors import UserError

EMBEDDINGS, HEAD = "tok_embeddings.weight", "output.weight"
DROPPED = re.compile(r"rope\.freqs|layers\.\d+\.attention\.inner_attention\.rope\.freqs")
_TOP = {EMBEDDINGS: "model.embed_tokens.weight", "norm.weight": "model.norm.weight", HEAD: "lm_head.weight"}
# name in LLaMA: name in transformers, and the dimension that is cut; None is whole in each file
_LAYER: dict[str, tuple[str, int | None]] = {
    "attention.wq.weight": ("self_attn.q_proj.weight", 0),
    "attention.wk.weight": ("self_attn.k_proj.weight", 0),
    "attention.wv.weight": ("self_attn.v_proj.weight", 0),
    "attention.wo.weight": ("self_attn.o_proj.weight", 1),
    "feed_forward.w1.weight": ("mlp.gate_proj.weight", 0),
    "feed_forward.w2.weight": ("mlp.down_proj.weight", 1),
    "feed_forward.w3.weight": ("mlp.up_proj.weight", 0),
    "attention_norm.weight": ("input_layernorm.weight", None),
    "ffn_norm.weight": ("post_attention_layernorm.weight", None),
}
_NAME = re.compile(r"layers\.(\d{1,4})\.(.+)")


@dataclass(frozen=True, slots=True)
class LlamaSizes:
    """Sizes of a LLaMA model; `eps` is that of its norms, `theta` the base of its rotary embedding."""

    dim: int
    layers: int
    heads: int
    kv_heads: int
    eps: float
    theta: float

    def heads_of(self, name: str) -> int:
        """Return the heads whose rows the rotary embedding turns in a tensor of LLaMA's name; 0 for none."""
        if name.endswith("attention.wq.weight"):
            return self.heads
        return self.kv_heads if name.endswith("attention.wk.weight") else 0


def llama_names(sizes: LlamaSizes, tied: bool) -> dict[str, str]:
    """Return the names of all tensors in transformers by LLaMA's; a `tied` model has no head of its own."""
    top = {name: other for name, other in _TOP.items() if not (tied and name == HEAD)}
    layers = {
        f"layers.{at}.{name}": f"model.layers.{at}.{other}"
        for at in range(sizes.layers)
        for name, (other, _) in _LAYER.items()
    }
    return top | layers


def cut_dimension(name: str, embeds_by_token: bool) -> int | None:
    """Return the dimension of a tensor that is cut into files; None for one that each file holds whole.

    LLaMA 3 cuts the embeddings by tokens, the versions before cut each token's vector.
    """
    if name == EMBEDDINGS:
        return 0 if embeds_by_token else 1
    if name == HEAD:
        return 0
    match = _NAME.fullmatch(name)
    return _LAYER[match[2]][1] if match else None


def to_halves(rows: Tensor, heads: int) -> Tensor:
    """Return rows [heads * width, in] in the order of transformers, from LLaMA's."""
    pairs = rows.view(heads, rows.shape[0] // heads // 2, 2, rows.shape[1])
    return pairs.transpose(1, 2).reshape(rows.shape)


def to_pairs(rows: Tensor, heads: int) -> Tensor:
    """Return rows [heads * width, in] in the order of LLaMA, from that of transformers."""
    halves = rows.view(heads, 2, rows.shape[0] // heads // 2, rows.shape[1])
    return halves.transpose(1, 2).reshape(rows.shape)


def read_sizes(params: Mapping[str, Any], source: str) -> LlamaSizes:
    """Return the sizes that params.json names; raises `UserError` for a model that is no plain LLaMA."""
    named: Any = params.get("n_heads")
    counts: list[Any] = [params.get("dim"), params.get("n_layers"), named, params.get("n_kv_heads") or named]
    eps, theta = params.get("norm_eps", 1e-5), params.get("rope_theta", 10_000.0)
    is_sound = all(type(count) is int and 0 < count < 1 << 16 for count in counts)
    if not is_sound or not all(type(each) in (int, float) and each > 0 for each in (eps, theta)):
        raise UserError(
            f"{source} does not name the sizes of a LLaMA model (dim, n_layers, n_heads): copy it again."
        )
    other = sorted({"moe", "vision_chunk_size", "quantization_args", "q_lora_rank"} & params.keys())
    if params.get("use_scaled_rope") or other:
        kind = "use_scaled_rope" if params.get("use_scaled_rope") else other[0]
        raise UserError(
            f"{source} is of a later model ({kind}) than plain LLaMA, which alone is converted here: take "
            "its safetensors form from the hub."
        )
    dim, layers, heads, kv_heads = counts
    if dim % (2 * heads) or heads % kv_heads:
        raise UserError(f"{source} names sizes that do not go into each other: copy it again.")
    return LlamaSizes(dim, layers, heads, kv_heads, float(eps), float(theta))
