"""Tensors of a GGUF file by the parameters of transformers' model, all there and of the right shape."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.directory import TensorEntry
from bot.engine.checkpoint.gguf.families import Family
from bot.engine.checkpoint.gguf.sizes import ModelSizes
from bot.untrusted import RefusedFile

_UNUSED = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")  # read by the config
_MLP_BIASES = frozenset({"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a module: the tensor's name in the file, its shape, and what is peculiar to it."""

    tensor: str
    shape: tuple[int, ...]
    is_norm: bool = False
    rotated_heads: int = 0  # whose rows the file may have in another order
    is_transposed: bool = False  # in transformers; `shape` is the file's


def name_parameters(
    family: Family, sizes: ModelSizes, config: Mapping[str, object], tensors: Mapping[str, TensorEntry]
) -> dict[str, Parameter]:
    """Return the parameters of the model by name.

    Raises `BrokenGguf` where a tensor is missing or of another shape, `RefusedFile` where the file has more.
    """
    named = dict(_top_parameters(family, sizes, bool(config["tie_word_embeddings"])))
    biased = _biased_modules(family, config)
    for layer in range(sizes.layers):
        named |= _layer_parameters(family, sizes, layer, biased)
    for parameter in named.values():
        _check(parameter, tensors)
    known = {parameter.tensor for parameter in named.values()}.union(_UNUSED)
    if more := [name for name in tensors if name not in known]:
        raise RefusedFile(
            f"it has tensors that no model of the family {family.model_type} has ({', '.join(more[:3])})",
            "take another file, or another model",
        )
    return named


def _top_parameters(family: Family, sizes: ModelSizes, is_tied: bool) -> Iterator[tuple[str, Parameter]]:
    table = (sizes.vocabulary, sizes.hidden)
    shapes = {"token_embd.weight": table, "position_embd.weight": (sizes.context, sizes.hidden)}
    for tensor, name in family.top.items():
        yield name, Parameter(tensor, shapes.get(tensor, (sizes.hidden,)), tensor == "output_norm.weight")
    if not is_tied:
        yield "lm_head.weight", Parameter("output.weight", table)


def _biased_modules(family: Family, config: Mapping[str, object]) -> frozenset[str]:
    attention = family.biases if config.get("attention_bias", family.always_biased) else frozenset[str]()
    return attention | (_MLP_BIASES if config.get("mlp_bias") else frozenset[str]())


def _layer_parameters(
    family: Family, sizes: ModelSizes, layer: int, biased: frozenset[str]
) -> dict[str, Parameter]:
    shapes, heads = _shapes(sizes), {"self_attn.q_proj": sizes.heads, "self_attn.k_proj": sizes.kv_heads}
    named: dict[str, Parameter] = {}
    for part, module in family.parts.items():
        stem, tensor = f"{family.layers}{layer}.{module}", f"blk.{layer}.{part}"
        rotated = heads.get(module, 0) if family.interleaves else 0
        is_norm = module.endswith("norm")
        shape = shapes.get(module, (sizes.hidden,))
        is_turned = family.transposes and len(shape) > 1
        named[f"{stem}.weight"] = Parameter(f"{tensor}.weight", shape, is_norm, rotated, is_turned)
        if module in biased:
            named[f"{stem}.bias"] = Parameter(f"{tensor}.bias", shape[:1], False, rotated)
    return named


def _shapes(sizes: ModelSizes) -> dict[str, tuple[int, ...]]:
    """Return the shapes of modules; a norm that is not named has the hidden size."""
    queries, keys = sizes.heads * sizes.head, sizes.kv_heads * sizes.head
    return {
        "self_attn.q_proj": (queries, sizes.hidden),
        "self_attn.k_proj": (keys, sizes.hidden),
        "self_attn.v_proj": (keys, sizes.hidden),
        "self_attn.qkv_proj": (queries + 2 * keys, sizes.hidden),
        "self_attn.o_proj": (sizes.hidden, queries),
        "self_attn.q_norm": (sizes.head,),
        "self_attn.k_norm": (sizes.head,),
        "mlp.gate_proj": (sizes.inner, sizes.hidden),
        "mlp.up_proj": (sizes.inner, sizes.hidden),
        "mlp.gate_up_proj": (2 * sizes.inner, sizes.hidden),
        "mlp.down_proj": (sizes.hidden, sizes.inner),
        "attn.c_attn": (3 * sizes.hidden, sizes.hidden),
        "attn.c_proj": (sizes.hidden, sizes.hidden),
        "mlp.c_fc": (sizes.inner, sizes.hidden),
        "mlp.c_proj": (sizes.hidden, sizes.inner),
    }


def _check(parameter: Parameter, tensors: Mapping[str, TensorEntry]) -> None:
    entry = tensors.get(parameter.tensor)
    if entry is None:
        raise BrokenGguf(f"it has no {parameter.tensor}")
    if entry.shape != parameter.shape:
        raise BrokenGguf(f"its {parameter.tensor} is of shape {entry.shape} in place of {parameter.shape}")
