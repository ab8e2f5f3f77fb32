"""A LoRA adapter as a GGUF file, for llama.cpp's --lora."""

from pathlib import Path

import gguf
import numpy as np

from bot.engine.lora.active import LoadedAdapter
from training.adapters.gguf.layout import Array, Layout, as_stored


def write_adapter(path: Path, known: LoadedAdapter, layout: Layout, dtype: str, name: str, base: str) -> None:
    """Write an adapter of this name for a base model.

    llama.cpp multiplies each change by alpha / rank, with one alpha for all; where the scales of the layers
    differ from that (rsLoRA, patterns), the rest is in the matrices B.
    """
    writer = gguf.GGUFWriter(path, layout.name)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_name(name)
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, base)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    alpha = _alpha(known)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for module, pair in known.pairs.items():
        tensor = layout.tensor(f"{module}.weight")
        a: Array = pair.a.float().numpy()
        b: Array = pair.b.float().numpy() * np.float32(pair.scale * pair.rank / alpha)
        writer.add_tensor(f"{tensor}.lora_a", as_stored(a, dtype))
        writer.add_tensor(f"{tensor}.lora_b", as_stored(layout.rows(module, b), dtype))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _alpha(known: LoadedAdapter) -> float:
    """The alpha with which the first layer needs nothing more."""
    first = next(iter(known.pairs.values()))
    return float(first.scale * first.rank)
