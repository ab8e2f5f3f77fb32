"""Sizes of a base model: from its config.json before it is loaded, and of its tensors afterwards."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from bot.engine.lora import registry
from bot.engine.model_loader import loader
from bot.engine.model_loader.load_plan import LoadPlan
from bot.engine.model_loader.placement import weight_bytes
from training.planning.training_memory import ModelSizes


def read_sizes(found: LoadPlan) -> ModelSizes:
    """Return the model's sizes without reading its weights."""
    empty = loader.meta_model(found)
    head = empty.get_output_embeddings()
    linear = {name: layer for name, layer in registry.linear_layers(empty).items() if layer is not head}
    shapes = registry.linear_shapes(empty)
    return ModelSizes(
        weights=sum(each.numel() for each in empty.parameters()),
        bytes=weight_bytes(empty, found.precision, found.device),
        layers=empty.config.get_text_config().num_hidden_layers,
        vocabulary=head.weight.shape[0],
        linear={name: shapes[name] for name in linear},
    )


def loaded_bytes(model: nn.Module) -> int:
    """Return the bytes of a loaded model's tensors: weights, buffers, and the scales of quantised layers."""
    storages = {each.untyped_storage()._cdata: each.untyped_storage() for each in _tensors(model)}
    return sum(storage.nbytes() for storage in storages.values())


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
