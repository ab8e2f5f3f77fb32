"""Replacement of a transformers model's linear layers, attention, MLPs and norms, once when it is loaded."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bot.engine.kernels import matmul
from bot.engine.kernels.matmul import linear_size
from bot.engine.kernels.native import Native
from bot.engine.lora.batch_mapping import ForwardContext
from bot.engine.lora.joined_layer import JoinedLayer
from bot.engine.lora.linear import LoraLinear
from bot.engine.lora.registry import is_linear, linear_layers
from bot.engine.model_executor import compat
from bot.engine.model_executor.fused_layers import FusedAttention, FusedMLP, fused_norm_of

NativeOf = Callable[[torch.dtype], Native | None]  # the native operations for activations of a dtype

_JOINED = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


class JoinedLayerView(nn.Module):
    """One layer of a joined product, for code that asks for this layer alone."""

    def __init__(self, linear: LoraLinear, part: JoinedLayer) -> None:
        super().__init__()
        # a closure, so that `linear` is no submodule twice
        self._forward: Callable[[Tensor], Tensor] = lambda x: linear(x)[..., part.start : part.end]

    def forward(self, x: Tensor) -> Tensor:
        return self._forward(x)


def replace_linear_layers(
    model: Any, context: ForwardContext, native_of: NativeOf
) -> tuple[list[LoraLinear], Native | None, torch.dtype]:
    """Put a `LoraLinear` in place of every linear layer, joined where layers read the same input.

    Returns them, the native operations, and the dtype of the model's activations from now on.
    """
    kind = _kernel_kind(model, native_of(model.dtype))
    dtype: torch.dtype = torch.float32 if kind is matmul.fp16_matmul else model.dtype
    native = native_of(dtype)
    linears = list(_replace_linears(model, kind, context, native))
    if kind is matmul.fp16_matmul:
        compute_in_float32(model)
    return linears, native, dtype


def replace_layers(model: nn.Module, native: Native | None) -> None:
    """Put fused layers in place of known attention, gated MLPs and norms, after `replace_linear_layers`."""
    for path, module in list(model.named_modules()):
        if hasattr(module, "joined_proj"):
            parent, _, name = path.rpartition(".")
            attends = type(module).__name__ in compat.FUSED_ATTENTION
            fused = FusedAttention(module, native) if attends else FusedMLP(module, native)
            setattr(model.get_submodule(parent), name, fused)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if (norm := fused_norm_of(child, native)) is not None:
                setattr(module, name, norm)


def _kernel_kind(model: Any, native: Native | None) -> matmul.KernelFactory | None:
    """Choose the kernel of all products; None leaves packed layers and bitsandbytes' as they are."""
    layers: list[Any] = list(linear_layers(model).values())
    if matmul.is_packed(layers):
        return None
    plain = all(layer.weight.is_floating_point() for layer in layers)
    exact = plain and all(layer.weight.dtype == torch.float32 for layer in layers)
    kind = None if exact else matmul.fastest_kernel(layers, model.dtype, native)
    return kind or (matmul.PlainMatmul if plain else None)


def _replace_linears(
    model: nn.Module, kind: matmul.KernelFactory | None, context: ForwardContext, native: Native | None
) -> Iterator[LoraLinear]:
    """Yield the new layers one by one; nothing here holds the layers that they replace."""
    for path in [path for path, _ in model.named_modules()]:
        module = model.get_submodule(path)
        for names in _JOINED:
            if all(is_linear(getattr(module, name, None)) for name in names) and _can_join(model, module):
                linear = _lora_linear(model, path, names, kind, context, native)
                yield linear
                module.joined_proj = linear
                for name, part in zip(names, linear.parts, strict=True):
                    setattr(module, name, JoinedLayerView(linear, part))
        for name in [name for name, child in module.named_children() if is_linear(child)]:
            linear = _lora_linear(model, path, (name,), kind, context, native)
            yield linear
            setattr(module, name, linear)


def _lora_linear(
    model: nn.Module,
    path: str,
    names: Sequence[str],
    kind: matmul.KernelFactory | None,
    context: ForwardContext,
    native: Native | None,
) -> LoraLinear:
    paths = [f"{path}.{name}".lstrip(".") for name in names]
    layers = [model.get_submodule(name) for name in paths]
    parts: list[JoinedLayer] = []
    for name, layer in zip(paths, layers, strict=True):
        start = parts[-1].end if parts else 0
        parts.append(JoinedLayer(name, start, start + linear_size(layer)[0]))
    kernel = matmul.quantised_matmul(layers, native) if kind is None else matmul.join_layers(layers, kind)
    inputs, device = linear_size(layers[0])[1], matmul.device_of(layers[0])
    if not isinstance(kernel, matmul.SeparateMatmul):
        for layer in layers:  # hooks of accelerate hold it in a cycle: its weights go at once
            layer._parameters.clear()
    return LoraLinear(kernel, parts, inputs, context, device, native, last=paths == ["lm_head"])


def _can_join(model: Any, module: nn.Module) -> bool:
    """Return whether a fused layer exists for this module, and can read a joined product."""
    if type(module).__name__ in compat.FUSED_ATTENTION:
        return compat.rotates_whole_heads(model.config)
    return compat.is_gated_mlp(module)


def compute_in_float32(model: Any) -> None:
    """Widen all parameters but the embeddings, whose rows are widened when they are looked up."""
    embeddings = model.get_input_embeddings()
    for module in model.modules():
        if module is not embeddings:
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.float()
    embeddings.register_forward_hook(lambda layer, inputs, output: output.float())
