"""A LLaMA model of transformers as LLaMA's own checkpoint: consolidated.00.pth and params.json."""

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from bot.engine.checkpoint.source import check_weights, read_model_config
from bot.engine.checkpoint.weight_files import weight_files
from bot.errors import UserError
from bot.files import write_private
from training.adapters import consolidated_layout as layout
from training.adapters.consolidated_layout import LlamaSizes
from training.adapters.from_consolidated import PARAMS
from training.store.indented_json import encode_indented

_MULTIPLE = 256  # of LLaMA's hidden sizes


def convert_to_consolidated(source: Path, draft: Path, files: int, advance: Callable[[int], None]) -> str:
    """Write the checkpoint of the model in a folder, in so many files; return a line about it.

    `advance` gets the bytes of each tensor. One file is held in memory at a time. Raises `UserError` for a
    model of another architecture.
    """
    config = read_model_config(source)
    check_weights(source, str(source))
    sizes = _sizes(config, source)
    names = layout.llama_names(sizes, tied=False)
    if sizes.kv_heads % files or sizes.heads % files:
        raise UserError(
            f"{sizes.kv_heads} heads of keys do not go into {files} files: name a divisor of them."
        )
    with ExitStack() as stack:
        read = _reader(source, stack)
        for at in range(files):
            held = dict[str, Tensor]()
            for name, other in names.items():
                held[name] = _piece(read, name, other, sizes, at, files)
                advance(held[name].nbytes)
            torch.save(held, draft / f"consolidated.{at:02}.pth")
    write_private(draft / PARAMS, [encode_indented(_params(config, sizes))])
    return f"LLaMA's own checkpoint of {sizes.layers} layers ({files} file{'s' * (files > 1)})"


def _sizes(config: Mapping[str, Any], source: Path) -> LlamaSizes:
    """Return the sizes of a plain LLaMA model; raises `UserError` for any other."""
    heads = config.get("num_attention_heads")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    params = {
        "dim": config.get("hidden_size"),
        "n_layers": config.get("num_hidden_layers"),
        "n_heads": heads,
        "n_kv_heads": config.get("num_key_value_heads") or heads,
        "norm_eps": config.get("rms_norm_eps", 1e-6),
        "rope_theta": rope.get("rope_theta") or config.get("rope_theta", 10_000.0),
    }
    kind, stretch = config.get("model_type"), rope.get("rope_type") or rope.get("type") or "default"
    odd = [key for key in ("attention_bias", "mlp_bias", "quantization_config") if config.get(key)]
    width = config.get("head_dim") or 0
    if kind != "llama" or stretch != "default" or odd or (width and width * (heads or 0) != params["dim"]):
        reason = odd[0] if odd else f"rotary embedding {stretch}" if kind == "llama" else kind
        raise UserError(
            f"The model in {source} is not plain LLaMA ({reason}), which alone has checkpoints of this kind: "
            "name a folder of LLaMA 1, 2 or 3."
        )
    return layout.read_sizes(params, str(source / "config.json"))


def _reader(source: Path, stack: ExitStack) -> Callable[[str], Tensor]:
    """Return a function that reads a tensor of the folder's files by its name."""
    opened = [stack.enter_context(safe_open(source / name, framework="pt")) for name in weight_files(source)]
    where = {name: file for file in opened for name in file.keys()}  # noqa: SIM118

    def read(name: str) -> Tensor:
        held = name if name in where or name != "lm_head.weight" else "model.embed_tokens.weight"
        if held not in where:
            raise UserError(f"The model in {source} has no {name}: copy it again.")
        tensor: Tensor = where[held].get_tensor(held)
        return tensor

    return read


def _piece(
    read: Callable[[str], Tensor], name: str, other: str, sizes: LlamaSizes, at: int, files: int
) -> Tensor:
    """Return the piece of a tensor that file `at` holds, in LLaMA's order of rows."""
    whole, heads = read(other), sizes.heads_of(name)
    if heads:
        whole = layout.to_pairs(whole, heads)
    cut = layout.cut_dimension(name, embeds_by_token=False)
    if cut is None or files == 1:
        return whole.contiguous()
    if whole.shape[cut] % files:
        raise UserError(f"{name} cannot be cut into {files} equal files: name another count with --files.")
    return whole.chunk(files, cut)[at].contiguous().clone()


def _params(config: Mapping[str, Any], sizes: LlamaSizes) -> dict[str, Any]:
    hidden, usual = int(config["intermediate_size"]), int(2 * 4 * sizes.dim / 3)
    multiple = math.gcd(hidden, _MULTIPLE)
    params = {
        "dim": sizes.dim,
        "n_layers": sizes.layers,
        "n_heads": sizes.heads,
        "n_kv_heads": sizes.kv_heads,
        "multiple_of": multiple,
        "norm_eps": sizes.eps,
        "rope_theta": sizes.theta,
        "vocab_size": config["vocab_size"],
    }
    if -(-usual // multiple) * multiple != hidden:  # the formula of facebookresearch/llama
        params["ffn_dim_multiplier"] = (hidden + 0.5) / usual
    return params
