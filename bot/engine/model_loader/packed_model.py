"""A model of transformers whose weights stay as a GGUF file holds them: mapped, quantised, never copied."""

import logging
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn
from transformers import AutoConfig

from bot.engine.checkpoint.gguf.gguf_file import GgufFile
from bot.engine.checkpoint.gguf.tensors import GgufTensor
from bot.engine.kernels.matmul import linear_size
from bot.engine.kernels.packed_linear import PackedLinear
from bot.engine.kernels.quantised_matmul import QuantisedEmbedding
from bot.engine.lora.registry import linear_layers
from bot.engine.model_loader.model_class import model_class_of
from bot.engine.quantization.packed_matrix import PackedMatrix
from bot.engine.quantization.packing import pack
from bot.errors import UserError

logger = logging.getLogger(__name__)

_REPACKED = "Q8_0"  # what plain numbers of matrices become


def load_packed(file: GgufFile, name: str, dtype: torch.dtype) -> Any:
    """Return the model of transformers, frozen, with norms and biases in a dtype; `name` is for messages."""
    model = empty_model(file, name, dtype)
    embedding = model.get_input_embeddings()
    paths = {id(module): path for path, module in model.named_modules()}
    table = file.tensors[f"{paths[id(embedding)]}.weight"]
    for path, layer in linear_layers(model).items():
        _set_module(model, path, _linear(file, path, layer, table, dtype))
    model.set_input_embeddings(_embedding(embedding, table, dtype))
    for path, _ in [*model.named_parameters()]:
        _set_parameter(model, path, _numbers(file.tensors[path]).to(dtype))
    if plain := [tensor.name for tensor in file.tensors.values() if _is_repacked(tensor)]:
        logger.info("weights_repacked", extra={"tensors": len(plain), "type": _REPACKED})
    model.eval().requires_grad_(False)
    return model


def empty_model(file: GgufFile, name: str, dtype: torch.dtype | None = None) -> Any:
    """Return the model with its parameters on torch's meta device; its buffers are real."""
    config = AutoConfig.for_model(**file.config)
    with init_empty_weights(include_buffers=False):
        return model_class_of(config, name).from_config(config, dtype=dtype)


def quantised_bits(file: GgufFile) -> tuple[float, tuple[str, ...]]:
    """Return the bits of a weight over all matrices, and the types of their blocks, the most common first."""
    matrices = [tensor for tensor in file.tensors.values() if len(tensor.shape) == 2]
    counts: dict[str, int] = {}
    for tensor in matrices:
        counts[tensor.type.name] = counts.get(tensor.type.name, 0) + tensor.bytes
    numbers = sum(tensor.shape[0] * tensor.shape[1] for tensor in matrices)
    return 8 * sum(counts.values()) / numbers, tuple(sorted(counts, key=lambda kind: -counts[kind]))


def describe_bits(file: GgufFile) -> str:
    """Return the bits of a weight and the types of blocks, for people: "4.9 bits (Q4_K, Q6_K)"."""
    bits, types = quantised_bits(file)
    return f"{bits:.1f} bits ({', '.join(types)})"


def _is_repacked(tensor: GgufTensor) -> bool:
    return tensor.block is None and len(tensor.shape) == 2


def _linear(
    file: GgufFile, path: str, layer: nn.Module, table: GgufTensor, dtype: torch.dtype
) -> PackedLinear:
    tensor = file.tensors.get(f"{path}.weight", table)  # a head that shares the embeddings
    if tensor.shape != linear_size(layer):
        raise ValueError(f"{tensor.name} has the shape {tensor.shape}, not {linear_size(layer)}")
    bias = file.tensors.get(f"{path}.bias")
    return PackedLinear(packed_matrix(tensor), None if bias is None else _numbers(bias).to(dtype))


def _embedding(layer: Any, table: GgufTensor, dtype: torch.dtype) -> QuantisedEmbedding:
    scale = getattr(layer, "embed_scale", None)  # Gemma 3 multiplies the rows, in their dtype
    return QuantisedEmbedding(packed_matrix(table), dtype, 1.0 if scale is None else float(scale.to(dtype)))


def packed_matrix(tensor: GgufTensor) -> PackedMatrix:
    """Return a tensor as a packed matrix: the file's own blocks, or plain numbers in 8 bits.

    Raises `UserError` for plain numbers that fill no whole blocks.
    """
    if tensor.block is None:
        try:
            return pack(_numbers(tensor), _REPACKED)
        except ValueError:
            raise UserError(
                f"The tensor {tensor.name} has {tensor.shape[1]} columns, which fill no blocks of "
                f"{_REPACKED}: "
                'set [model] precision to "bf16", or choose another [model] name.'
            ) from None
    order = None if tensor.row_order is None else torch.from_numpy(tensor.row_order.copy())
    view = tensor.data.view()
    view.flags.writeable = True  # torch warns of others; the file is mapped for this process alone
    return PackedMatrix(torch.from_numpy(view), tensor.block, order)


def _numbers(tensor: GgufTensor) -> Tensor:
    return torch.from_numpy(tensor.numbers().copy())


def _set_module(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)


def _set_parameter(model: nn.Module, path: str, value: Tensor) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, nn.Parameter(value, requires_grad=False))
