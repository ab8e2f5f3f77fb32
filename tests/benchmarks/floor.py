"""Floor of a decoding step: the bytes and products that it needs, and this machine's time for them."""

from dataclasses import dataclass
from typing import Any

from bot.engine.model_loader.loader import LoadedModel
from tests.benchmarks.machine import Machine

_BYTES = {
    "Fp16Matmul": 2.0,
    "PackedMatmul": 2.0,
    "AmxMatmul": 2.0,
    "float32": 4.0,
    "bfloat16": 2.0,
    "float16": 2.0,
    "nf4": 0.5,
    "int8": 1.0,
}


@dataclass(frozen=True, slots=True)
class Moved:
    """Bytes that a step reads, and the products that it computes."""

    weights: float
    adapters: float
    keys: float
    products: float

    @property
    def bytes(self) -> float:
        """All of them."""
        return self.weights + self.adapters + self.keys

    def describe(self, machine: Machine) -> str:
        """The two floors in milliseconds."""
        memory, arithmetic = machine.memory_floor(self.bytes), machine.arithmetic_floor(self.products)
        return f"floor {memory * 1000:.1f} ms by memory, {arithmetic * 1000:.1f} ms by arithmetic"


def moved(loaded: LoadedModel, rows: int, length: int, adapters: int = 0) -> Moved:
    """For so many rows of so many tokens; a row's adapter is one of so many, laid out alike."""
    parameters = sum(out * inputs for out, inputs in loaded.runner.shapes.values())
    live = loaded.runner.active_adapters
    each = live.bytes / live.slot_count if adapters else 0  # there may be room for more than are live
    keys = rows * length * loaded.runner.token_bytes
    products = rows * (parameters + (live.parameters if adapters else 0))
    return Moved(parameters * weight_bytes(loaded), adapters * each, keys, products)


def weight_bytes(loaded: LoadedModel) -> float:
    """Bytes of one weight, as the kernels that are in place hold it."""
    kinds = kernels(loaded)
    if "SeparateMatmul" in kinds:
        return _BYTES[loaded.precision]
    return max(_BYTES.get(kind, _BYTES.get(loaded.dtype, 4.0)) for kind in kinds)


def kernels(loaded: LoadedModel) -> list[str]:
    """The names of the kernels of the model's linear layers."""
    found: set[Any] = {type(getattr(module, "kernel", None)) for module in loaded.model.modules()}
    return sorted(kind.__name__ for kind in found - {type(None)})
