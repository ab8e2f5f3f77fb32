"""A linear layer as `csrc/decoder_layer.h` reads it."""

import ctypes

from bot.engine.kernels.bf16_matmul import AmxMatmul
from bot.engine.kernels.lora_slots import Int8Slots, LoraSlots
from bot.engine.kernels.matmul import MatmulKernel
from bot.engine.kernels.quantised_matmul import QuantisedMatmul
from bot.engine.kernels.structs import LinearParams, LoraMatrices


def linear_params_of(kernel: MatmulKernel, inputs: int, outputs: int) -> LinearParams | None:
    """Return the C structure of a layer without LoRA slots; None where `csrc/` has no such product.

    The structure holds addresses of the kernel's memory.
    """
    params = LinearParams()
    if isinstance(kernel, QuantisedMatmul) and kernel.is_native:
        params.quantised = ctypes.addressof(kernel.params)
    elif isinstance(kernel, AmxMatmul) and kernel.block_width is not None:
        params.weights, params.bias = kernel.address, kernel.bias_address
        params.block_width = kernel.block_width
    else:
        return None
    params.shape.inputs, params.shape.outputs = inputs, outputs
    return params


def set_lora_slots(params: LinearParams, slots: LoraSlots | None, is_f32: int) -> None:
    """Let the C structure name a layer's present slots; none unless they have 8 bits."""
    if isinstance(slots, Int8Slots):
        params.matrices, params.shape = slots.native_matrices, slots.native_shape(is_f32)
    else:
        params.matrices = LoraMatrices()
