"""A LoRA adapter as a GGUF file, for the option --lora of llama.cpp."""

from pathlib import Path

import gguf
import numpy as np

from bot.engine.lora.active import LoadedAdapter
from training.adapters.gguf.layout import Array, GgufLayout, cast_for_file


def write_gguf_adapter(
    path: Path, adapter: LoadedAdapter, layout: GgufLayout, dtype: str, name: str, base: str
) -> None:
    """Write an adapter named `name` for the base model named `base`.

    llama.cpp scales the change of each layer by alpha / rank, with one alpha for all layers. Where the scale
    of a layer differs (rsLoRA, patterns), its matrix B [out, rank] is multiplied by the rest.
    """
    writer = gguf.GGUFWriter(path, layout.name)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_name(name)
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, base)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    alpha = _alpha(adapter)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for module, pair in adapter.pairs.items():
        tensor = layout.tensor_name(f"{module}.weight")
        a: Array = pair.a.float().numpy()
        b: Array = pair.b.float().numpy() * np.float32(pair.scale * pair.rank / alpha)
        writer.add_tensor(f"{tensor}.lora_a", cast_for_file(a, dtype))
        writer.add_tensor(f"{tensor}.lora_b", cast_for_file(layout.permute_rows(module, b), dtype))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _alpha(adapter: LoadedAdapter) -> float:
    """Return the alpha that leaves the matrix B of the first layer as it is."""
    first = next(iter(adapter.pairs.values()))
    return float(first.scale * first.rank)
