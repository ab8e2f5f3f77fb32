"""Sizes of a base model: from its config.json before it is loaded, and of its tensors afterwards."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from bot.engine.checkpoint.source import read_model_config
from bot.engine.lora import registry
from bot.engine.model_loader import loader
from bot.engine.model_loader.loader import LoadPlan
from bot.engine.model_loader.quantization import DTYPES, dtype_of, quantisation_config
from training.planning.training_memory import ModelSizes, nf4_bytes


def read_sizes(found: LoadPlan) -> ModelSizes:
    """Return the model's sizes without reading its weights."""
    empty = loader.meta_model(found)
    head = empty.get_output_embeddings()
    linear = {name: layer for name, layer in registry.linear_layers(empty).items() if layer is not head}
    shapes = registry.linear_shapes(empty)
    return ModelSizes(
        weights=sum(each.numel() for each in empty.parameters()),
        bytes=_planned_bytes(found, empty, set(linear.values())),
        layers=empty.config.get_text_config().num_hidden_layers,
        vocabulary=head.weight.shape[0],
        linear={name: shapes[name] for name in linear},
    )


def loaded_bytes(model: nn.Module) -> int:
    """Return the bytes of a loaded model's tensors: weights, buffers, and the scales of quantised layers."""
    storages = {each.untyped_storage()._cdata: each.untyped_storage() for each in _tensors(model)}
    return sum(storage.nbytes() for storage in storages.values())


def _planned_bytes(found: LoadPlan, empty: nn.Module, linear: set[nn.Module]) -> int:
    """Return the bytes of the weights as they are loaded: only linear layers but the head are quantised."""
    itemsize = dtype_of(found.precision, found.device).itemsize
    quantised = {id(layer.weight) for layer in linear} if found.precision not in DTYPES else set()
    nested = found.precision == "nf4" and _double_quantised(found)

    def size(each: Tensor) -> int:
        if id(each) not in quantised:
            return each.numel() * itemsize
        if found.precision == "nf4":
            return nf4_bytes(each.numel(), nested)
        return each.numel() + 4 * each.shape[0]

    return sum(map(size, empty.parameters()))


def _double_quantised(found: LoadPlan) -> bool:
    """Return whether nf4's scales are quantised too, by the stored weights or by the loader's settings."""
    stored = read_model_config(found.folder).get("quantization_config")
    if isinstance(stored, dict):
        return bool(stored.get("bnb_4bit_use_double_quant"))
    settings = quantisation_config(found.precision, dtype_of(found.precision, found.device), found.device)
    return bool(getattr(settings, "bnb_4bit_use_double_quant", False))


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    yield from model.buffers()
    for parameter in model.parameters():
        yield parameter
        yield from _scales(getattr(parameter, "quant_state", None))
        yield from (each for each in (getattr(parameter, "SCB", None),) if isinstance(each, Tensor))


def _scales(state: Any) -> Iterator[Tensor]:
    """Yield the tensors of bitsandbytes' `QuantState`, of a nested one too."""
    if state is not None:
        found = (state.absmax, state.code, state.offset)
        yield from (each for each in found if isinstance(each, Tensor))
        yield from _scales(state.state2)
