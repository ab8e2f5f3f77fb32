"""A model of transformers with linear layers, attention and norms replaced: done once, when it is loaded."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bot.engine.kernels import matmul
from bot.engine.kernels.matmul import size_of
from bot.engine.kernels.native import Native
from bot.engine.lora.batch_mapping import ForwardContext
from bot.engine.lora.linear import JoinedLayer, LoraLinear
from bot.engine.lora.registry import is_linear, linear_layers
from bot.engine.model_executor import fused_layers

NativeOf = Callable[[torch.dtype], Native | None]  # the operations for activations of a dtype

_JOINED = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


class JoinedLayerView(nn.Module):
    """One layer of a joined projection, for code that asks for it alone."""

    def __init__(self, projection: LoraLinear, part: JoinedLayer) -> None:
        super().__init__()
        self._forward: Callable[[Tensor], Tensor] = lambda x: projection(x)[..., part.start : part.end]

    def forward(self, x: Tensor) -> Tensor:
        return self._forward(x)


def replace_linear_layers(
    model: Any, current: ForwardContext, native: NativeOf
) -> tuple[list[LoraLinear], Native | None, torch.dtype]:
    """Put projections in their place; returns them, and the operations and the dtype it now computes with."""
    kind = _kernel(model, native(model.dtype))
    dtype: torch.dtype = torch.float32 if kind is matmul.half else model.dtype
    operations = native(dtype)
    projections = list(_projections(model, kind, current, operations))
    if kind is matmul.half:
        _widen(model)
    return projections, operations, dtype


def replace_layers(model: nn.Module, native: Native | None) -> None:
    """Put quicker layers in the place of the attention, the gated layers and the norms that are known."""
    for path, module in list(model.named_modules()):
        if hasattr(module, "joined") and not isinstance(
            module, fused_layers.FusedAttention | fused_layers.FusedMLP
        ):
            around, _, name = path.rpartition(".")
            kind = (
                fused_layers.FusedAttention
                if type(module).__name__ in fused_layers.ALIKE
                else fused_layers.FusedMLP
            )
            setattr(model.get_submodule(around), name, kind(module, native))
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if (norm := fused_layers.fused_norm_of(child, native)) is not None:
                setattr(module, name, norm)


def _kernel(model: Any, native: Native | None) -> matmul.Kind | None:
    """How products are computed; None leaves bitsandbytes' layers as they are."""
    found = list(linear_layers(model).values())
    plain = all(type(layer) is nn.Linear or type(layer).__name__ == "Conv1D" for layer in found)
    exact = plain and all(layer.weight.dtype == torch.float32 for layer in found)
    kind = None if exact else matmul.quickest(found, model.dtype, native)
    return kind or (matmul.PlainMatmul if plain else None)


def _projections(
    model: nn.Module, kind: matmul.Kind | None, current: ForwardContext, native: Native | None
) -> Iterator[LoraLinear]:
    for path, module in list(model.named_modules()):
        for names in _JOINED:
            if all(is_linear(getattr(module, name, None)) for name in names) and _joins(model, module):
                made = _projection(model, path, names, kind, current, native)
                yield made
                module.joined = made
                for name, part in zip(names, made.parts, strict=True):
                    setattr(module, name, JoinedLayerView(made, part))
        for name, child in list(module.named_children()):
            if is_linear(child):
                made = _projection(model, path, (name,), kind, current, native)
                yield made
                setattr(module, name, made)


def _projection(
    model: nn.Module,
    path: str,
    names: Sequence[str],
    kind: matmul.Kind | None,
    current: ForwardContext,
    native: Native | None,
) -> LoraLinear:
    paths = [f"{path}.{name}".lstrip(".") for name in names]
    found = [model.get_submodule(name) for name in paths]
    parts: list[JoinedLayer] = []
    for name, layer in zip(paths, found, strict=True):
        start = parts[-1].end if parts else 0
        parts.append(JoinedLayer(name, start, start + size_of(layer)[0]))
    kernel = matmul.Side(found) if kind is None else matmul.joined(found, kind)
    return LoraLinear(kernel, parts, size_of(found[0])[1], current, native, last=paths == ["lm_head"])


def _joins(model: Any, module: nn.Module) -> bool:
    """Whether a layer that stands in for this one reads a joined product."""
    name = type(module).__name__
    if name in fused_layers.ALIKE:
        return _rotates_whole(model.config)
    return name.endswith("MLP") and hasattr(module, "down_proj") and hasattr(module, "act_fn")


def _rotates_whole(config: Any) -> bool:
    """Whether rotary positions turn all of a head, as `layers.rotate` does."""
    rope = getattr(config, "rope_parameters", None) or {}
    found = [part.get("partial_rotary_factor") for part in (rope, *rope.values()) if isinstance(part, dict)]
    return all(share in (None, 1, 1.0) for share in found)


def _widen(model: Any) -> None:
    """Compute in float32, with the embeddings as they are and widened when they are looked up."""
    table = model.get_input_embeddings()
    for module in model.modules():
        if module is not table:
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.float()
    table.register_forward_hook(lambda layer, inputs, output: output.float())
