"""A matrix among a folder's tensors by its parameter's name, where they are as they are known to be."""

from collections.abc import Mapping
from math import prod

import torch

from bot.engine.model_loader.packed.stored_matrix import (
    SCALE_BLOCK,
    PlainMatrix,
    StoredInt8,
    StoredMatrix,
    StoredNf4,
)
from bot.engine.model_loader.packed.stored_tensor import StoredTensor
from bot.engine.quantization.block_formulas import NF4_CODES
from bot.untrusted import RefusedFile, parse_json

_BLOCK = 64  # numbers of a block of NF4 and INT8
_PLAIN = {torch.float64, torch.float32, torch.float16, torch.bfloat16}
_SCALES = {torch.float32, torch.float16, torch.bfloat16}
_STATE = "quant_state.bitsandbytes__nf4"  # a JSON object about a matrix in nf4
_STATE_BYTES = 1 << 16

Stored = Mapping[str, StoredTensor]


def find_matrix(
    stored: Stored, name: str, shape: tuple[int, int], type_name: str, *, is_transposed: bool
) -> StoredMatrix | None:
    """Return the matrix of a parameter, to be packed in a type where its numbers are plain.

    Returns None where its columns are no whole blocks, or its tensors are stored in an unknown way.
    """
    tensor = stored.get(name)
    if tensor is None or shape[1] % _BLOCK:
        return None
    if tensor.dtype == torch.int8:
        return _find_int8(stored, name, tensor, shape)
    if tensor.dtype == torch.uint8:
        return _find_nf4(stored, name, tensor, shape)
    plain = find_plain(stored, name, shape[::-1] if is_transposed else shape)
    return None if plain is None else PlainMatrix(plain, shape, type_name, is_transposed)


def find_plain(stored: Stored, name: str, shape: tuple[int, ...]) -> StoredTensor | None:
    """Return a tensor of plain numbers of a shape, else None."""
    tensor = stored.get(name)
    return tensor if tensor is not None and tensor.dtype in _PLAIN and tensor.shape == shape else None


def _find_int8(stored: Stored, name: str, codes: StoredTensor, shape: tuple[int, int]) -> StoredInt8 | None:
    path = name.removesuffix("weight")
    order, largest = stored.get(f"{path}weight_format"), stored.get(f"{path}SCB")
    is_by_rows = order is None or (_holds(order, 1, {torch.uint8}) and not order.read().any())
    if largest is None or not is_by_rows or not _holds(largest, shape[0], _SCALES) or codes.shape != shape:
        return None
    return StoredInt8(codes, shape, largest)


def _find_nf4(stored: Stored, name: str, codes: StoredTensor, shape: tuple[int, int]) -> StoredNf4 | None:
    count = shape[0] * shape[1]
    state = _read_state(stored.get(f"{name}.{_STATE}"))
    levels, scales = stored.get(f"{name}.quant_map"), stored.get(f"{name}.absmax")
    if scales is None or not _has_nf4_levels(levels) or codes.shape != (count // 2, 1):
        return None
    if state.get("blocksize") != _BLOCK or state.get("shape") != [*shape]:
        return None
    if _holds(scales, count // _BLOCK, _SCALES):
        return StoredNf4(codes, shape, scales)
    return _with_nested_scales(StoredNf4(codes, shape, scales), stored, name, state)


def _with_nested_scales(
    matrix: StoredNf4, stored: Stored, name: str, state: Mapping[str, object]
) -> StoredNf4 | None:
    """Return a matrix whose scales are quantised themselves."""
    count = matrix.shape[0] * matrix.shape[1] // _BLOCK
    outer, levels = stored.get(f"{name}.nested_absmax"), stored.get(f"{name}.nested_quant_map")
    offset = state.get("nested_offset")
    if (
        isinstance(offset, float | int)
        and state.get("nested_blocksize") == SCALE_BLOCK
        and _holds(matrix.scales, count, {torch.uint8})
        and _holds(outer, -(-count // SCALE_BLOCK), _SCALES)
        and _holds(levels, 256, _SCALES)
    ):
        return StoredNf4(matrix.codes, matrix.shape, matrix.scales, levels, outer, float(offset))
    return None


def _read_state(tensor: StoredTensor | None) -> Mapping[str, object]:
    """Return what bitsandbytes says of a matrix; nothing where that cannot be read."""
    if tensor is None or tensor.dtype != torch.uint8 or tensor.place.bytes > _STATE_BYTES:
        return {}
    try:
        return parse_json(bytes(tensor.read().reshape(-1).tolist()), _STATE)
    except RefusedFile:
        return {}


def _has_nf4_levels(levels: StoredTensor | None) -> bool:
    if levels is None or not _holds(levels, len(NF4_CODES), {torch.float32}):
        return False
    return torch.equal(levels.read().reshape(-1), torch.tensor(NF4_CODES))


def _holds(tensor: StoredTensor | None, count: int, dtypes: set[torch.dtype]) -> bool:
    return tensor is not None and tensor.dtype in dtypes and prod(tensor.shape) == count
