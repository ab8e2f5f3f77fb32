"""Conversion of a GGUF file, once, into a safetensors folder that loads fast in the chosen precision."""

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from bot.engine.checkpoint.converted import make_converted
from bot.engine.checkpoint.gguf.gguf_file import GgufFile, open_gguf
from bot.engine.checkpoint.gguf.tensors import GgufTensor
from bot.engine.checkpoint.source import WEIGHTS_ONLY
from bot.engine.checkpoint.transfer_progress import TransferProgress
from bot.engine.model_loader.packed.gguf_weights import GgufWeights, packed_matrix
from bot.engine.model_loader.quantization import Precision, check_quantised, dtype_of, quantisation_config
from bot.engine.quantization.dequantization import dequantise
from bot.engine.runtime.cpu_threads import single_threaded
from bot.engine.tokenizer.files import read_packed_tokenizer, write_tokenizer

Progress = Callable[[str], None]  # gets the stage of loading, in a few words
_INDEX, _SHARD = "model.safetensors.index.json", "plain-from-"
_SHARD_BYTES = 400_000_000  # of tensors that wait in memory, without the last one


def convert_gguf(
    file: Path, fingerprint: str, precision: Precision, device: str, models: Path, progress: Progress
) -> Path:
    """Return the converted copy's folder among `models`, written now unless it exists.

    The file is read tensor by tensor. Progress bars of the model libraries must be off. Raises `UserError`
    for a file that is not served.
    """
    dtype, opened = dtype_of(precision, device), open_gguf(file)

    def write(folder: Path) -> None:
        progress("reading the tokenizer of the base model (once)")
        write_tokenizer(folder, read_packed_tokenizer(file))
        with single_threaded():
            _write_plain(opened, folder, dtype, progress)
        if config := quantisation_config(precision, dtype):
            progress("quantising the base model (once)")
            _write_quantised(folder, dtype, config, device, precision)

    return make_converted(models, fingerprint, precision, write)


def _write_plain(file: GgufFile, folder: Path, dtype: torch.dtype, progress: Progress) -> None:
    """Write the configuration, and the weights in files that end with the tensor beyond `_SHARD_BYTES`."""
    config = GgufWeights(file).config
    config.dtype = dtype
    config.save_pretrained(folder)
    total = sum(tensor.bytes for tensor in file.tensors.values())
    transfer = TransferProgress("the base model", total, progress, work="converting")
    places, shard = dict[str, str](), dict[str, Tensor]()
    for name, tensor in file.tensors.items():
        shard[name] = _parameter(tensor, dtype)
        transfer.advance(tensor.bytes)
        if sum(each.nbytes for each in shard.values()) > _SHARD_BYTES:
            places |= _write_shard(folder, len(places), shard)
            shard = {}
    places |= _write_shard(folder, len(places), shard)
    index = {"metadata": {}, "weight_map": places}
    (folder / _INDEX).write_text(json.dumps(index, indent=1), "utf-8")


def _write_shard(folder: Path, before: int, shard: dict[str, Tensor]) -> dict[str, str]:
    """Write tensors, of which `before` were written already; return the file of each."""
    if not shard:
        return {}
    name = f"{_SHARD}{before:05}.safetensors"
    save_file(shard, folder / name, {"format": "pt"})
    return dict.fromkeys(shard, name)


def _parameter(tensor: GgufTensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor as transformers has the parameter."""
    if tensor.block is None:
        return torch.from_numpy(tensor.numbers().copy()).to(dtype)
    weight = dequantise(packed_matrix(tensor), dtype)
    return weight.T.contiguous() if tensor.is_transposed else weight


def _write_quantised(
    folder: Path, dtype: torch.dtype, config: Any, device: str, precision: Precision
) -> None:
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, quantization_config=config, device_map={"": device}, **WEIGHTS_ONLY
    )
    check_quantised(model, precision)
    (folder / _INDEX).unlink()  # of the plain weights
    model.save_pretrained(folder)  # before any use: nf4 layers that were used once are saved wrongly
    del model
    gc.collect()  # the model has mapped plain weights, which Windows would not delete then
    for file in folder.glob(f"{_SHARD}*"):
        file.unlink()
