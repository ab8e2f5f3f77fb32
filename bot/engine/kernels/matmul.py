"""How a product with a weight matrix is computed: as it stands, or by a kernel that this CPU does better."""

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bot.engine.kernels.bf16_matmul import AmxMatmul, PackedMatmul, has_onednn_bf16
from bot.engine.kernels.native import Native

_LARGEST_HALF = 65_504.0
_TRIED = (8, 64)  # rows with which two kernels are compared: a decoding batch, and a chunk of a prompt


class MatmulKernel(Protocol):
    """A linear layer's arithmetic: x [tokens, in] -> [tokens, out]."""

    def __call__(self, x: Tensor) -> Tensor: ...


KernelFactory = Callable[[Tensor, Tensor | None], MatmulKernel]  # weight [out, in] and bias [out] -> kernel


class PlainMatmul:
    """The matrix as it stands, in the dtype of the activations."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        return linear(x, self._weight, self._bias)


class Fp16Matmul:
    """Weights of 16 bits, activations and sums in float32, by FBGEMM.

    float16 holds every bfloat16 number between 6e-5 and 65,504 exactly, and smaller ones to within 3e-8, so
    this loses nothing of a bfloat16 model. With eight rows it is three to four times as fast on AVX2 as MKL's
    float32, since half the bytes are moved and the matrix lies packed.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._packed = torch.ops.quantized.linear_prepack_fp16(
            weight.float().contiguous(), None if bias is None else bias.float()
        )

    def __call__(self, x: Tensor) -> Tensor:
        product: Tensor = torch.ops.quantized.linear_dynamic_fp16.default(x, self._packed)
        return product


class SeparateMatmul:
    """Layers as they are, such as those of bitsandbytes, with their outputs side by side."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self._layers = tuple(layers)

    def __call__(self, x: Tensor) -> Tensor:
        products = [layer(x) for layer in self._layers]
        return products[0] if len(products) == 1 else torch.cat(products, -1)


def fp16_matmul(weight: Tensor, bias: Tensor | None) -> MatmulKernel:
    """`Half`, or the matrix in float32 where float16 cannot hold it."""
    least, most = weight.aminmax()
    if max(-float(least), float(most)) > _LARGEST_HALF:
        return PlainMatmul(weight.float(), None if bias is None else bias.float())
    return Fp16Matmul(weight, bias)


def has_fbgemm(device: str) -> bool:
    """Whether `Half` runs there."""
    return device == "cpu" and "fbgemm" in torch.backends.quantized.supported_engines


def fastest_kernel(
    layers: Sequence[Any], dtype: torch.dtype, native: Native | None = None
) -> KernelFactory | None:
    """What is to stand for these layers, whose activations have this dtype; None where they are quickest.

    Quantised layers grow by it, so it must also leave most of the machine's free memory free.
    """
    devices = {layer.weight.device.type for layer in layers}
    kinds = [fp16_matmul] if devices == {"cpu"} and has_fbgemm("cpu") else []
    if devices == {"cpu"} and dtype == torch.bfloat16 and has_onednn_bf16("cpu"):
        kinds += [PackedMatmul if native is None or not native.has_amx else partial(AmxMatmul, native=native)]
    weights = sum(out * inputs for out, inputs in map(linear_size, layers))
    if not layers[0].weight.is_floating_point() and 2 * weights > available_memory() / 4:
        return None
    return (
        _benchmark_kernels(min(layers, key=lambda layer: abs(sum(linear_size(layer)) - 4096)), kinds)
        if kinds
        else None
    )


def available_memory() -> int:
    """Bytes that programs can still have, as far as the system tells; else none."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def linear_size(layer: nn.Module) -> tuple[int, int]:
    """How many numbers a linear layer gives and reads."""
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    inner, out = next(layer.parameters()).shape  # GPT-2's Conv1D keeps the transpose
    return out, inner


def _benchmark_kernels(layer: Any, kinds: Sequence[KernelFactory]) -> KernelFactory | None:
    """Try all on this CPU, on a copy: bitsandbytes packs weights anew when they are first used."""
    layer = deepcopy(layer)
    torch.backends.quantized.engine = "fbgemm"
    dtype = layer.weight.dtype if layer.weight.is_floating_point() else torch.float32
    tried: list[tuple[KernelFactory | None, MatmulKernel, torch.dtype]] = [(None, layer, dtype)]
    for kind in kinds:
        tried.append(
            (
                kind,
                kind(dense_weight(layer)[0], None),
                torch.float32 if kind is fp16_matmul else torch.bfloat16,
            )
        )
    seconds = [0.0] * len(tried)
    for rows in _TRIED:
        x = torch.ones(rows, linear_size(layer)[1])
        times = [[_seconds(kernel, x.to(dtype)) for _, kernel, dtype in tried] for _ in range(6)]
        seconds = [whole + min(own) for whole, own in zip(seconds, zip(*times[1:], strict=True), strict=True)]
    return tried[seconds.index(min(seconds))][0]


def dense_weight(layer: Any) -> tuple[Tensor, Tensor | None]:
    """The weight [out, in] of a linear layer in floating point, whatever holds it, and its bias."""
    weight, bias = layer.weight, getattr(layer, "bias", None)
    name = type(layer).__name__
    if name == "Linear4bit":
        import bitsandbytes.functional

        return bitsandbytes.functional.dequantize_4bit(weight.data, weight.quant_state).float(), bias
    if name == "Linear8bitLt":
        scale = weight.SCB.float()[:, None] / 127  # the largest value of a row is 127
        return weight.data.float() * scale, bias
    return (weight.data.T if name == "Conv1D" else weight.data), bias  # GPT-2 keeps the transpose


def join_layers(layers: Sequence[nn.Module], kind: KernelFactory) -> MatmulKernel:
    """Layers that read the same input as one matrix, their outputs side by side."""
    pairs = [dense_weight(layer) for layer in layers]
    weight = torch.cat([weight for weight, _ in pairs]) if len(pairs) > 1 else pairs[0][0]
    if all(bias is None for _, bias in pairs):
        return kind(weight, None)
    biases: list[Any] = [weight.new_zeros(len(weight)) if bias is None else bias for weight, bias in pairs]
    return kind(weight, torch.cat(biases).to(weight.dtype))


def _seconds(kernel: MatmulKernel, x: Tensor) -> float:
    """Of one product. The shortest of some counts, since other programs may be running."""
    began = perf_counter()
    kernel(x)
    return perf_counter() - began
