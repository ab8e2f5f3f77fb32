"""Kernels of a linear layer's product: the matrix as it is, or a kernel that is faster on this CPU."""

import logging
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bot.engine.kernels import compat
from bot.engine.kernels.bf16_matmul import AmxMatmul, PackedMatmul, has_onednn_bf16
from bot.engine.kernels.native import Native
from bot.engine.kernels.nf4_matmul import Nf4Matmul, can_join_nf4, joined_bias
from bot.engine.kernels.packed_linear import PackedLinear
from bot.engine.kernels.quantised_matmul import QuantisedMatmul
from bot.system.memory import available_memory

logger = logging.getLogger(__name__)

_LARGEST_FP16 = 65_504.0
_BENCHMARK_ROWS = (8, 64)  # a decoding batch, and a chunk of a prompt


class MatmulKernel(Protocol):
    """A linear layer's product: x [tokens, in] -> [tokens, out]."""

    def __call__(self, x: Tensor) -> Tensor: ...


KernelFactory = Callable[[Tensor, Tensor | None], MatmulKernel]  # weight [out, in] and bias [out] -> kernel


class PlainMatmul:
    """The matrix as it is, in the dtype of the activations."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        return linear(x, self._weight, self._bias)

    def take_bias(self) -> Tensor | None:
        """Return the bias [out], None without one; products are without it from now on."""
        bias, self._bias = self._bias, None
        return bias


class Fp16Matmul:
    """Weights in float16, activations and sums in float32, by FBGEMM.

    float16 holds every bfloat16 number between 6e-5 and 65,504 exactly, and smaller ones to within 3e-8, so
    this loses nothing of a bfloat16 model. With eight rows it is three to four times as fast on AVX2 as MKL's
    float32, since half the bytes are moved and the matrix lies packed.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._packed = compat.pack_fp16_weight(
            weight.float().contiguous(), None if bias is None else bias.float()
        )
        self._linear = compat.fp16_linear()

    def __call__(self, x: Tensor) -> Tensor:
        return self._linear(x, self._packed)


class Int8Matmul:
    """Weights of bitsandbytes in 8 bits with a scale for each row, and activations as they are.

    bitsandbytes itself rounds activations to 8 bits too, which moves the logits of SmolLM2 by 24% of how much
    they vary.
    """

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None) -> None:
        """weight [out, in] int8, scale [out] of one unit of it, bias [out]."""
        self._weight, self.bias = weight, bias
        self._scale, self._half_scale = scale, scale.bfloat16()

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype == torch.bfloat16:
            product = compat.int8_matmul(x, self._weight, self._half_scale)
        else:
            product = linear(x, self._weight.to(x.dtype)).mul_(self._scale)
        return product if self.bias is None else product.add_(self.bias)


class SeparateMatmul:
    """Layers as they are, such as those of bitsandbytes, with their outputs concatenated."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self._layers = tuple(map(_own_product, layers))
        self._outputs = [linear_size(layer)[0] for layer in layers]

    def __call__(self, x: Tensor) -> Tensor:
        products = [layer(x) for layer in self._layers]
        return products[0] if len(products) == 1 else torch.cat(products, -1)

    def take_bias(self) -> Tensor | None:
        """As `PlainMatmul.take_bias`, with zeros for layers without a bias."""
        layers: Sequence[Any] = self._layers
        bias = joined_bias(layers, self._outputs)
        for layer in layers:
            layer.bias = None
        return bias


def _own_product(layer: Any) -> MatmulKernel:
    """Return the layer itself, or its weights in 8 bits where the CPU multiplies with them."""
    if type(layer).__name__ == "Linear8bitLt" and layer.weight.device.type == "cpu":
        return Int8Matmul(layer.weight.data, layer.weight.SCB.float() / 127, layer.bias)
    return layer  # type: ignore[no-any-return]


def quantised_matmul(layers: Sequence[nn.Module], native: Native | None = None) -> MatmulKernel:
    """Return the product of packed layers, or of those of bitsandbytes: as one matrix where possible."""
    if is_packed(layers):
        packed: Sequence[Any] = layers
        bias = joined_bias(packed, [layer.out_features for layer in packed])
        return QuantisedMatmul([layer.matrix for layer in packed], bias, native)
    return Nf4Matmul(layers) if can_join_nf4(layers) else SeparateMatmul(layers)


def fp16_matmul(weight: Tensor, bias: Tensor | None) -> MatmulKernel:
    """Return an `Fp16Matmul`, or the matrix in float32 where float16 cannot hold its numbers."""
    least, most = weight.aminmax()
    if max(-float(least), float(most)) > _LARGEST_FP16:
        return PlainMatmul(weight.float(), None if bias is None else bias.float())
    return Fp16Matmul(weight, bias)


def has_fbgemm(device: str) -> bool:
    """Return whether `Fp16Matmul` runs on this device ("cpu", "cuda")."""
    return device == "cpu" and "fbgemm" in torch.backends.quantized.supported_engines


def fastest_kernel(
    layers: Sequence[Any], dtype: torch.dtype, native: Native | None = None
) -> KernelFactory | None:
    """Return the fastest kernel for layers with activations of a dtype; None to keep the layers.

    Another kernel makes quantised layers larger, so it must also leave most of the machine's free memory
    free.
    """
    devices = {layer.weight.device.type for layer in layers}
    factories = [fp16_matmul] if devices == {"cpu"} and has_fbgemm("cpu") else []
    if devices == {"cpu"} and dtype == torch.bfloat16 and has_onednn_bf16("cpu"):
        factories += [
            PackedMatmul if native is None or not native.has_amx else partial(AmxMatmul, native=native)
        ]
    weights = sum(out * inputs for out, inputs in map(linear_size, layers))
    if not layers[0].weight.is_floating_point() and 2 * weights > (available_memory() or 0) / 4:
        return None
    typical = min(layers, key=lambda layer: abs(sum(linear_size(layer)) - 4096))
    return _benchmark_kernels(typical, factories, dtype) if factories else None


def is_packed(layers: Sequence[nn.Module]) -> bool:
    """Return whether all layers hold packed weights."""
    return all(isinstance(layer, PackedLinear) for layer in layers)


def linear_size(layer: nn.Module) -> tuple[int, int]:
    """Return the (out, in) sizes of a linear layer."""
    if isinstance(layer, nn.Linear | PackedLinear):
        return layer.out_features, layer.in_features
    inputs, out = next(layer.parameters()).shape  # GPT-2's Conv1D keeps the transpose
    return out, inputs


def device_of(layer: nn.Module) -> torch.device:
    """Return the device where a linear layer computes."""
    return layer.device if isinstance(layer, PackedLinear) else next(layer.parameters()).device


def _benchmark_kernels(
    layer: Any, factories: Sequence[KernelFactory], dtype: torch.dtype
) -> KernelFactory | None:
    """Time all kernels on this CPU, on a copy: bitsandbytes repacks weights when a layer first runs."""
    layer = deepcopy(layer)
    if fp16_matmul in factories:
        compat.use_fbgemm()  # an error on ARM, where torch has none
    dtype = layer.weight.dtype if layer.weight.is_floating_point() else dtype
    tried: list[tuple[KernelFactory | None, MatmulKernel, torch.dtype]] = [(None, _own_product(layer), dtype)]
    for factory in factories:
        activations = torch.float32 if factory is fp16_matmul else torch.bfloat16
        try:
            kernel = factory(dense_weight(layer)[0], None)
            kernel(torch.ones(_BENCHMARK_ROWS[0], linear_size(layer)[1], dtype=activations))
        except RuntimeError as problem:  # oneDNN's for this CPU may lack the operator
            reason = str(problem).strip()[-500:]
            logger.info("matmul_kernel_unavailable", extra={"fallback": "torch", "reason": reason})
        else:
            tried.append((factory, kernel, activations))
    seconds = [0.0] * len(tried)
    for rows in _BENCHMARK_ROWS:
        x = torch.ones(rows, linear_size(layer)[1])
        times = [[_time_product(kernel, x.to(dtype)) for _, kernel, dtype in tried] for _ in range(6)]
        best = [min(kernel_times) for kernel_times in zip(*times[1:], strict=True)]  # others may be running
        seconds = [total + shortest for total, shortest in zip(seconds, best, strict=True)]
    return tried[seconds.index(min(seconds))][0]


def dense_weight(layer: Any) -> tuple[Tensor, Tensor | None]:
    """Return a linear layer's weight [out, in] in floating point, also if quantised, and its bias [out]."""
    weight, bias = layer.weight, getattr(layer, "bias", None)
    name = type(layer).__name__
    if name == "Linear4bit":
        import bitsandbytes.functional

        return bitsandbytes.functional.dequantize_4bit(weight.data, weight.quant_state).float(), bias
    if name == "Linear8bitLt":
        scale = weight.SCB.float()[:, None] / 127  # the largest value of a row is 127
        return weight.data.float() * scale, bias
    return (weight.data.T if name == "Conv1D" else weight.data), bias  # GPT-2 keeps the transpose


def join_layers(layers: Sequence[nn.Module], factory: KernelFactory) -> MatmulKernel:
    """Return one kernel for layers that read the same input, with their outputs concatenated."""
    pairs = [dense_weight(layer) for layer in layers]
    weight = torch.cat([weight for weight, _ in pairs]) if len(pairs) > 1 else pairs[0][0]
    if all(bias is None for _, bias in pairs):
        return factory(weight, None)
    biases: list[Any] = [weight.new_zeros(len(weight)) if bias is None else bias for weight, bias in pairs]
    return factory(weight, torch.cat(biases).to(weight.dtype))


def _time_product(kernel: MatmulKernel, x: Tensor) -> float:
    """Return the seconds of one product."""
    began = perf_counter()
    kernel(x)
    return perf_counter() - began
