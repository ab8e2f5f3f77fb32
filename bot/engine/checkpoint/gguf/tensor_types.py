"""Types of tensors in GGUF files: the numbers of ggml's `ggml_type`, and the size of their blocks."""

from dataclasses import dataclass

from bot.engine.quantization.block_types import BY_GGUF_NUMBER, BlockType

PLAIN = ("F32", "F16", "BF16")  # types of plain numbers that are served
BETTER_FILES = "Q4_K_M, Q5_K_M, Q6_K or Q8_0"  # kinds of files whose types are served, as people find them


@dataclass(frozen=True, slots=True)
class TensorType:
    """A type: a row of `values` numbers takes `bytes` bytes."""

    name: str
    values: int
    bytes: int

    @property
    def is_plain(self) -> bool:
        """Return whether this is a type of plain numbers that is served."""
        return self.name in PLAIN


TENSOR_TYPES = {
    0: TensorType("F32", 1, 4),
    1: TensorType("F16", 1, 2),
    9: TensorType("Q8_1", 32, 40),
    10: TensorType("Q2_K", 256, 84),
    11: TensorType("Q3_K", 256, 110),
    15: TensorType("Q8_K", 256, 292),
    16: TensorType("IQ2_XXS", 256, 66),
    17: TensorType("IQ2_XS", 256, 74),
    18: TensorType("IQ3_XXS", 256, 98),
    19: TensorType("IQ1_S", 256, 50),
    21: TensorType("IQ3_S", 256, 110),
    22: TensorType("IQ2_S", 256, 82),
    24: TensorType("I8", 1, 1),
    25: TensorType("I16", 1, 2),
    26: TensorType("I32", 1, 4),
    27: TensorType("I64", 1, 8),
    28: TensorType("F64", 1, 8),
    29: TensorType("IQ1_M", 256, 56),
    30: TensorType("BF16", 1, 2),
    34: TensorType("TQ1_0", 256, 54),
    35: TensorType("TQ2_0", 256, 66),
    39: TensorType("MXFP4", 32, 17),
    40: TensorType("NVFP4", 64, 36),
    41: TensorType("Q1_0", 128, 18),
} | {number: TensorType(each.name, each.values, each.bytes) for number, each in BY_GGUF_NUMBER.items()}
_SERVED = {each.name: each for each in BY_GGUF_NUMBER.values()}


def served_block(kind: TensorType) -> BlockType | None:
    """Return the quantised block that the kernels multiply with, or None for any other type."""
    return _SERVED.get(kind.name)


def served_types() -> tuple[str, ...]:
    """Return the names of all types of tensors that are served."""
    return (*PLAIN, *_SERVED)
