"""The formula of each type of blocks: blocks [n, bytes] uint8 -> numbers [n, values] float32.

The layouts are those of ggml (`ggml-common.h`), and of `block_types.py` for NF4 and INT8.
"""

from collections.abc import Callable

import torch
from torch import Tensor

IQ4_CODES = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
NF4_CODES = (  # of bitsandbytes
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635),
    *(-0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725),
    *(0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941),
    *(0.7229568362236023, 1.0),
)


def _half(blocks: Tensor, start: int) -> Tensor:
    """The float16 at a byte of each block, [n, 1]."""
    return blocks[:, start : start + 2].contiguous().view(torch.float16).float()


def _nibbles(packed: Tensor) -> Tensor:
    """packed [.., bytes] -> [.., 2 * bytes]: the low halves of all bytes, then the high ones."""
    return torch.cat((packed & 15, packed >> 4), -1)


def _fifth_bits(blocks: Tensor, start: int) -> Tensor:
    """The 32 bits at a byte of each block, as [n, 32] of 0 and 16."""
    shifts = torch.arange(8, dtype=torch.uint8)
    return ((blocks[:, start : start + 4, None] >> shifts & 1) << 4).flatten(1)


def _q4_0(blocks: Tensor) -> Tensor:
    return _half(blocks, 0) * (_nibbles(blocks[:, 2:]).float() - 8)


def _q4_1(blocks: Tensor) -> Tensor:
    return _half(blocks, 0) * _nibbles(blocks[:, 4:]).float() + _half(blocks, 2)


def _q5_0(blocks: Tensor) -> Tensor:
    codes = _nibbles(blocks[:, 6:]) | _fifth_bits(blocks, 2)
    return _half(blocks, 0) * (codes.float() - 16)


def _q5_1(blocks: Tensor) -> Tensor:
    codes = _nibbles(blocks[:, 8:]) | _fifth_bits(blocks, 4)
    return _half(blocks, 0) * codes.float() + _half(blocks, 2)


def _q8_0(blocks: Tensor) -> Tensor:
    return _half(blocks, 0) * blocks[:, 2:].view(torch.int8).float()


def _k_scales(packed: Tensor) -> tuple[Tensor, Tensor]:
    """packed [n, 12] -> the eight scales and the eight minima of a superblock, [n, 8] each."""
    low, middle, high = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scales = torch.cat((low & 63, (high & 15) | (low >> 6 << 4)), 1)
    return scales.float(), torch.cat((middle & 63, (high >> 4) | (middle >> 6 << 4)), 1).float()


def _scaled_superblock(blocks: Tensor, codes: Tensor) -> Tensor:
    """codes [n, 8, 32] -> [n, 256], by the 16 bytes of scales at the start of Q4_K and Q5_K."""
    scales, minima = _k_scales(blocks[:, 4:16])
    scale, minimum = _half(blocks, 0) * scales, _half(blocks, 2) * minima
    return (scale[..., None] * codes.float() - minimum[..., None]).flatten(1)


def _q4_k(blocks: Tensor) -> Tensor:
    return _scaled_superblock(blocks, _nibbles(blocks[:, 16:].view(-1, 4, 32)).view(-1, 8, 32))


def _q5_k(blocks: Tensor) -> Tensor:
    low = _nibbles(blocks[:, 48:].reshape(-1, 4, 32)).view(-1, 8, 32)
    shifts = torch.arange(8, dtype=torch.uint8)[:, None]
    return _scaled_superblock(blocks, low | (blocks[:, None, 16:48] >> shifts & 1) << 4)


def _q6_k(blocks: Tensor) -> Tensor:
    low = _nibbles(blocks[:, :128].reshape(-1, 2, 64)).view(-1, 2, 4, 32)
    shifts = torch.arange(0, 8, 2, dtype=torch.uint8)[:, None]
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32) >> shifts & 3
    scales = _half(blocks, 208) * blocks[:, 192:208].view(torch.int8).float()
    codes = (low | high << 4).view(-1, 16, 16).float() - 32
    return (scales[..., None] * codes).flatten(1)


def _iq4_codes(packed: Tensor) -> Tensor:
    return torch.tensor(IQ4_CODES, dtype=torch.float32)[_nibbles(packed).int()]


def _iq4_nl(blocks: Tensor) -> Tensor:
    return _half(blocks, 0) * _iq4_codes(blocks[:, 2:])


def _iq4_xs(blocks: Tensor) -> Tensor:
    low = torch.stack((blocks[:, 4:8] & 15, blocks[:, 4:8] >> 4), 2).flatten(1)
    shifts = torch.arange(0, 8, 2, dtype=torch.uint8)
    high = (blocks[:, 2:4, None] >> shifts & 3).flatten(1)
    scales = _half(blocks, 0) * ((low | high << 4).float() - 32)
    return (scales[..., None] * _iq4_codes(blocks[:, 8:].reshape(-1, 8, 16))).flatten(1)


def _scale(blocks: Tensor) -> Tensor:
    """The float32 at the start of each block, [n, 1]."""
    return blocks[:, :4].contiguous().view(torch.float32)


def _nf4(blocks: Tensor) -> Tensor:
    return torch.tensor(NF4_CODES)[_nibbles(blocks[:, 4:]).int()] * _scale(blocks)


def _int8(blocks: Tensor) -> Tensor:
    return blocks[:, 4:].view(torch.int8).float() * _scale(blocks)


FORMULAS: dict[str, Callable[[Tensor], Tensor]] = {
    **{"Q4_0": _q4_0, "Q4_1": _q4_1, "Q5_0": _q5_0, "Q5_1": _q5_1, "Q8_0": _q8_0},
    **{"Q4_K": _q4_k, "Q5_K": _q5_k, "Q6_K": _q6_k},
    **{"IQ4_NL": _iq4_nl, "IQ4_XS": _iq4_xs, "NF4": _nf4, "INT8": _int8},
}
