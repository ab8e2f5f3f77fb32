"""LLaMA's own checkpoint as a model of transformers in safetensors; nothing is unpickled."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bot.errors import UserError
from bot.files import write_private
from bot.untrusted import RefusedFile, read_json
from training.adapters import consolidated_layout as layout
from training.adapters.consolidated_layout import EMBEDDINGS, HEAD, LlamaSizes
from training.adapters.pickled import PickledTensors, open_pickled
from training.adapters.tensor_shards import TensorShards
from training.store.indented_json import encode_indented

PARAMS, FILES = "params.json", "consolidated.*.pth"
_PARAMS_BYTES, _FILE_BYTES = 1 << 20, 256 << 30
_MEASURED = (EMBEDDINGS, "layers.0.feed_forward.w1.weight")  # which tell the sizes that params.json lacks


def convert_from_consolidated(
    source: Path, draft: Path, context: int, shard_bytes: int, advance: Callable[[int], None]
) -> str:
    """Write the model in a folder with consolidated.*.pth and params.json; return a line about it.

    `context` is the number of positions, which those files do not say; `advance` gets the bytes of each
    tensor. Raises `UserError`.
    """
    try:
        sizes = layout.read_sizes(read_json(source.resolve(), PARAMS, _PARAMS_BYTES), f"{source / PARAMS}")
        with ExitStack() as stack:
            opened = [stack.enter_context(open_pickled(path, _FILE_BYTES)) for path in _files(source)]
            shards = TensorShards(draft, shard_bytes, advance)
            return _write(draft, sizes, opened, context, shards)
    except RefusedFile as refused:
        raise UserError(f"The model in {source} is refused: {refused.reason}; {refused.remedy}.") from None


def _files(source: Path) -> list[Path]:
    return sorted(source.resolve().glob(FILES))


def _write(
    draft: Path, sizes: LlamaSizes, opened: Sequence[PickledTensors], context: int, shards: TensorShards
) -> str:
    stored = [name for name in opened[0].stored if not layout.DROPPED.fullmatch(name)]
    names = layout.llama_names(sizes, tied=HEAD not in stored)
    if set(stored) != names.keys():
        odd = sorted(set(stored) ^ names.keys())[0]
        raise UserError(
            f"The files are not those of a LLaMA model of {sizes.layers} layers ({odd[:100]} is missing or "
            "too many): check that params.json is of the same model."
        )
    known = dict[str, Tensor]()
    for name, tensor in _tensors(names, sizes, opened):
        shards.add(names[name], tensor)
        if name in _MEASURED:
            known[name] = torch.empty(len(tensor), 0, dtype=tensor.dtype)  # its rows, without its numbers
    config = _config(sizes, known, tied=HEAD not in stored, context=context)
    write_private(draft / "config.json", [encode_indented(config)])
    count = shards.close()
    return f"LLaMA model of {sizes.layers} layers in safetensors ({count} file{'s' * (count > 1)})"


def _config(sizes: LlamaSizes, known: Mapping[str, Tensor], *, tied: bool, context: int) -> dict[str, Any]:
    """Return config.json of transformers; `known` are tensors by LLaMA's names."""
    vocabulary, hidden = (known[name] for name in _MEASURED)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": sizes.dim,
        "intermediate_size": len(hidden),
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "rms_norm_eps": sizes.eps,
        "rope_theta": sizes.theta,
        "max_position_embeddings": context,
        "vocab_size": len(vocabulary),
        "tie_word_embeddings": tied,
        "torch_dtype": str(vocabulary.dtype).removeprefix("torch."),
    }


def _tensors(
    names: dict[str, str], sizes: LlamaSizes, opened: Sequence[PickledTensors]
) -> Iterator[tuple[str, Tensor]]:
    """Yield the whole tensors by LLaMA's names, in the order of rows of transformers."""
    by_token = opened[0].stored[EMBEDDINGS].size[-1:] == (sizes.dim,)
    for name in names:
        cut = layout.cut_dimension(name, by_token)
        pieces = [each.read(name) for each in (opened if cut is not None else opened[:1])]
        whole = torch.cat(pieces, cut) if cut is not None else pieces[0]
        _check_shape(name, whole, sizes)
        heads = sizes.heads_of(name)
        yield name, layout.to_halves(whole, heads) if heads else whole


def _check_shape(name: str, tensor: Tensor, sizes: LlamaSizes) -> None:
    """Raise `UserError` for a tensor whose sides are not those of the model."""
    rows = sizes.heads_of(name) * sizes.dim // sizes.heads
    sides = tuple(tensor.shape)
    is_sound = sides[-1:] == (sizes.dim,) or (name.endswith("w2.weight") and sides[:1] == (sizes.dim,))
    if not is_sound or (rows and sides[0] != rows):
        raise UserError(
            f"The sides of {name} {sides} are not those that params.json names: check that all files are of "
            "the same model."
        )
