"""Private and undocumented operators of torch that the kernels call, as seen in torch 2.13.

tests/bot/engine/kernels/test_compat.py fails when a release of torch changes one of them. The kernels keep
the operators of a step themselves, so that a product costs no further call.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_PACKED_FOR_ROWS = 8  # oneDNN chooses the order of a packed weight by the rows of the activations
EMBEDDING_SUM = 0  # of the three modes of an embedding bag

# (table [any, width], rows [any] int32, offsets [bags + 1] int32, False, EMBEDDING_SUM, False, weights [any],
# True) -> (sums [bags, width], ..): each bag is the sum of the rows that it names, times their weights
embedding_bag = torch._embedding_bag_forward_only


def onednn_multiplies_bf16() -> bool:
    """Return whether oneDNN multiplies bfloat16 on this CPU."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def pack_bf16_weight(weight: Tensor) -> Tensor:
    """Return weight [out, in], bfloat16, in oneDNN's order, as an opaque tensor."""
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, _PACKED_FOR_ROWS)
    return packed


def packed_address(packed: Tensor) -> int:
    """Return the address of a packed weight's numbers."""
    address: int = torch.ops.mkldnn.data_ptr(packed)
    return address


def packed_bytes(packed: Tensor) -> int:
    """Return the bytes of a packed weight's numbers."""
    size: int = torch.ops.mkldnn._nbytes(packed)
    return size


def packed_linear() -> Callable[..., Tensor]:
    """Return the operator (x, packed weight, bias, "none", [], "") -> x W^T + bias, which inductor calls."""
    operator: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise.default
    return operator


def pack_fp16_weight(weight: Tensor, bias: Tensor | None) -> Any:
    """Return weight [out, in] and bias [out], float32, as FBGEMM's packed float16 matrix."""
    return torch.ops.quantized.linear_prepack_fp16(weight, bias)


def fp16_linear() -> Callable[..., Tensor]:
    """Return the operator (x in float32, FBGEMM's packed matrix) -> x W^T + bias in float32."""
    operator: Callable[..., Tensor] = torch.ops.quantized.linear_dynamic_fp16.default
    return operator


def use_fbgemm() -> None:
    """Make FBGEMM the engine of torch's quantised operators."""
    torch.backends.quantized.engine = "fbgemm"


def int8_matmul(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """Multiply x [tokens, in] with (weight [out, in] int8 * scale [out])^T; x and scale are bfloat16."""
    return torch._weight_int8pack_mm(x, weight, scale)
