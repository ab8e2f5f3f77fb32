"""Torch's private operators keep the signatures and results that `compat` was written for (torch 2.13).

A failure names the operator: look it up in the new torch, change `compat` and the version in its docstring.
"""

from typing import Any

import pytest
import torch

from bot.engine.kernels import compat
from bot.engine.kernels.bf16_matmul import has_onednn_bf16
from bot.engine.kernels.matmul import has_fbgemm

SCHEMAS = {
    "mkldnn::_linear_pointwise": "(Tensor X, Tensor W, Tensor? B, str attr, Scalar?[] scalars, "
    "str? algorithm) -> Tensor Y",
    "mkldnn::_reorder_linear_weight": "(Tensor self, int? batch_size=None) -> Tensor Y",
    "mkldnn::data_ptr": "(Tensor mkldnn_tensor) -> int",
    "mkldnn::_nbytes": "(Tensor mkldnn_tensor) -> int",
    "mkldnn::_is_mkldnn_bf16_supported": "() -> bool",
    "quantized::linear_prepack_fp16": "(Tensor W, Tensor? B=None) -> "
    "__torch__.torch.classes.quantized.LinearPackedParamsBase W_prepack",
    "quantized::linear_dynamic_fp16": "(Tensor X, "
    "__torch__.torch.classes.quantized.LinearPackedParamsBase W_prepack) -> Tensor Y",
    "aten::_weight_int8pack_mm": "(Tensor self, Tensor mat2, Tensor scales) -> Tensor",
    "aten::_embedding_bag_forward_only": "(Tensor weight, Tensor indices, Tensor offsets, "
    "bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, "
    "bool include_last_offset=False, int padding_idx=-1) -> (Tensor, Tensor, Tensor, Tensor)",
}
needs_onednn = pytest.mark.skipif(not has_onednn_bf16("cpu"), reason="oneDNN has no bfloat16 on this CPU")
needs_fbgemm = pytest.mark.skipif(not has_fbgemm("cpu"), reason="this CPU has no FBGEMM")


def schema_of(operator: str) -> str:
    namespace, _, name = operator.partition("::")
    packet: Any = getattr(getattr(torch.ops, namespace), name)
    return str(packet.default._schema).removeprefix(operator).removesuffix(" _0")


@pytest.mark.parametrize("operator", SCHEMAS)
def test_an_operator_has_the_schema_that_was_seen(operator: str) -> None:
    assert schema_of(operator) == SCHEMAS[operator]


@needs_onednn
def test_a_packed_weight_multiplies_and_has_an_address_and_a_size() -> None:
    torch.manual_seed(1)
    x, weight, bias = (torch.randn(*shape).bfloat16() for shape in ((8, 64), (96, 64), (96,)))
    packed = compat.pack_bf16_weight(weight)
    product = compat.packed_linear()(x, packed, bias, "none", [], "")
    expected = x.float() @ weight.float().T + bias.float()
    torch.testing.assert_close(product.float(), expected, atol=0.2, rtol=0.02)
    assert compat.packed_address(packed) != 0
    assert compat.packed_bytes(packed) >= weight.nbytes


@needs_fbgemm
def test_an_fp16_weight_multiplies() -> None:
    torch.manual_seed(1)
    compat.use_fbgemm()
    x, weight, bias = torch.randn(8, 64), torch.randn(96, 64), torch.randn(96)
    product = compat.fp16_linear()(x, compat.pack_fp16_weight(weight, bias))
    torch.testing.assert_close(product, x @ weight.T + bias, atol=0.05, rtol=0.01)


def test_an_embedding_bag_sums_weighted_rows() -> None:
    table = torch.arange(8.0).view(4, 2)
    rows, offsets = (torch.tensor(values, dtype=torch.int32) for values in ([3, 0, 1], [0, 2, 3]))
    weights = torch.tensor([2.0, 1.0, 0.5])
    sums = compat.embedding_bag(table, rows, offsets, False, compat.EMBEDDING_SUM, False, weights, True)[0]
    assert sums.tolist() == [[12.0, 15.0], [1.0, 1.5]]
