"""Numbers of safetensors files as float32, without a library that opens the file."""

import numpy as np
import numpy.typing as npt

NUMBERS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # dtypes that hold plain numbers

Values = npt.NDArray[np.float32]


def read_numbers(content: bytes, dtype: str) -> Values:
    """Return the numbers [count] of a tensor of one of the dtypes `NUMBERS`."""
    stored = np.frombuffer(content, NUMBERS[dtype])
    if dtype == "BF16":  # the upper half of a float32
        return (stored.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        return stored.astype(np.float32)
