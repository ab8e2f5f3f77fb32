"""Types of quantised blocks: a run of weights of one matrix row, packed with their scales.

Those of GGUF files keep the bytes that ggml gives them (`ggml-common.h`), so a file is read as it lies. `NF4`
holds what bitsandbytes' nf4 holds, `INT8` what its 8 bits hold, a block of 64 each with a float32 scale.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockType:
    """A type: `values` weights in `bytes` bytes; `gguf` is its number in GGUF files, None for none."""

    name: str
    values: int
    bytes: int
    gguf: int | None = None

    @property
    def bits(self) -> float:
        """The bits of a weight, its share of the scales included."""
        return 8 * self.bytes / self.values


BLOCK_TYPES = {
    one.name: one
    for one in (
        BlockType("Q4_0", 32, 18, 2),
        BlockType("Q4_1", 32, 20, 3),
        BlockType("Q5_0", 32, 22, 6),
        BlockType("Q5_1", 32, 24, 7),
        BlockType("Q8_0", 32, 34, 8),
        BlockType("Q4_K", 256, 144, 12),
        BlockType("Q5_K", 256, 176, 13),
        BlockType("Q6_K", 256, 210, 14),
        BlockType("IQ4_NL", 32, 18, 20),
        BlockType("IQ4_XS", 256, 136, 23),
        BlockType("NF4", 64, 36),  # float32 scale, 32 bytes: low half of a byte is value j, high value j + 32
        BlockType("INT8", 64, 68),  # float32 scale, 64 signed bytes
    )
}
BY_GGUF_NUMBER = {one.gguf: one for one in BLOCK_TYPES.values() if one.gguf is not None}
