"""A model of transformers whose weights stay packed: quantised, and mapped where files hold them so."""

import logging
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import nn

from bot.engine.kernels.matmul import linear_size
from bot.engine.kernels.packed_linear import PackedLinear
from bot.engine.kernels.quantised_matmul import QuantisedEmbedding
from bot.engine.lora.registry import linear_layers
from bot.engine.model_loader.model_class import model_class_of
from bot.engine.model_loader.packed.gguf_weights import REPACKED, GgufWeights
from bot.engine.model_loader.packed.weights import PackedWeights
from bot.engine.quantization.packed_matrix import PackedMatrix

logger = logging.getLogger(__name__)


def load_packed(weights: PackedWeights, name: str, dtype: torch.dtype) -> Any:
    """Return the model of transformers, frozen, with norms and biases in a dtype; `name` is for messages."""
    model = empty_model(weights.config, name, dtype)
    embedding = model.get_input_embeddings()
    paths = {id(module): path for path, module in model.named_modules()}
    table = weights.matrix(f"{paths[id(embedding)]}.weight")
    if table is None:
        raise ValueError("the embedding is missing")
    for path, layer in linear_layers(model).items():
        _set_module(model, path, _linear(weights, path, layer, table, dtype))
    model.set_input_embeddings(_embedding(embedding, table, dtype))
    for path, _ in [*model.named_parameters()]:
        _set_parameter(model, path, weights, dtype)
    if isinstance(weights, GgufWeights) and weights.repacked:
        logger.info("weights_repacked", extra={"tensors": weights.repacked, "type": REPACKED})
    model.eval().requires_grad_(False)
    return model


def empty_model(config: Any, name: str, dtype: torch.dtype | None = None) -> Any:
    """Return the model with its parameters on torch's meta device; its buffers are real."""
    with init_empty_weights(include_buffers=False):
        return model_class_of(config, name).from_config(config, dtype=dtype)


def weight_bytes_of(model: nn.Module) -> int:
    """Return the bytes of a loaded model's weights, those of packed matrices once each."""
    plain = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    layers = [layer for layer in model.modules() if isinstance(layer, PackedLinear)]
    if not layers:
        return plain
    buffers = {tensor.data_ptr() for tensor in model.buffers()}  # the embedding's, which a head may share
    matrices = {layer.matrix.data.data_ptr(): layer.matrix.bytes for layer in layers}
    return plain + sum(size for place, size in matrices.items() if place not in buffers)


def _linear(
    weights: PackedWeights, path: str, layer: nn.Module, table: PackedMatrix, dtype: torch.dtype
) -> PackedLinear:
    found = weights.matrix(f"{path}.weight")
    matrix = table if found is None else found  # a head that shares the embedding
    if (matrix.rows, matrix.columns) != linear_size(layer):
        shape = (matrix.rows, matrix.columns)
        raise ValueError(f"{path} has the shape {shape}, not {linear_size(layer)}")
    bias = weights.numbers(f"{path}.bias")
    return PackedLinear(matrix, None if bias is None else bias.to(dtype))


def _embedding(layer: Any, table: PackedMatrix, dtype: torch.dtype) -> QuantisedEmbedding:
    scale = getattr(layer, "embed_scale", None)  # Gemma 3 multiplies the rows, in their dtype
    return QuantisedEmbedding(table, dtype, 1.0 if scale is None else float(scale.to(dtype)))


def _set_module(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)


def _set_parameter(model: nn.Module, path: str, weights: PackedWeights, dtype: torch.dtype) -> None:
    value = weights.numbers(path)
    if value is None:
        raise ValueError(f"{path} is missing")
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, nn.Parameter(value.to(dtype), requires_grad=False))
