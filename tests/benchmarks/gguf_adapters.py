"""Adapters of random numbers for the model of a GGUF file, in PEFT's format and in llama.cpp's."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import torch
from safetensors.torch import save_file

RANK = 16
_LAYERS = {  # llama.cpp's names of the linear layers of a block, and transformers'
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@dataclass(frozen=True, slots=True)
class DrawnAdapter:
    """The same numbers as a folder of PEFT's and as a file for llama.cpp."""

    folder: Path
    gguf: Path


def draw_adapters(model: Path, into: Path, count: int) -> list[DrawnAdapter]:
    """Write so many adapters of rank 16 on all linear layers of the blocks."""
    reader = gguf.GGUFReader(str(model))
    architecture = str(reader.fields["general.architecture"].contents())
    shapes = {tensor.name: tuple(map(int, tensor.shape)) for tensor in reader.tensors}
    return [_draw(into / f"adapter-{number}", architecture, shapes, number) for number in range(count)]


def _draw(folder: Path, architecture: str, shapes: dict[str, tuple[int, ...]], seed: int) -> DrawnAdapter:
    folder.mkdir(parents=True)
    peft = dict[str, torch.Tensor]()
    file = folder.parent / f"{folder.name}.gguf"
    writer = gguf.GGUFWriter(str(file), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 2.0 * RANK)
    for name, own_name, (down, up) in _matrices(shapes, seed):
        for letter, matrix in (("a", down), ("b", up)):
            writer.add_tensor(f"{name}.lora_{letter}", matrix.half().numpy())
            peft[f"base_model.model.model.{own_name}.lora_{letter.upper()}.weight"] = matrix.half()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(peft, folder / "adapter_model.safetensors", {"format": "pt"})
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 2 * RANK}
    names = [layer.rpartition(".")[2] for layer in _LAYERS.values()]
    (folder / "adapter_config.json").write_text(json.dumps(config | {"target_modules": names}))
    return DrawnAdapter(folder, file)


def _matrices(
    shapes: dict[str, tuple[int, ...]], seed: int
) -> Iterator[tuple[str, str, tuple[torch.Tensor, torch.Tensor]]]:
    """Yield a layer's two names and its matrices A [rank, in] and B [out, rank]."""
    generator = torch.Generator().manual_seed(seed)
    for name, (inputs, *outputs) in shapes.items():
        block, _, layer = name.removeprefix("blk.").removesuffix(".weight").partition(".")
        if layer in _LAYERS and name.endswith(".weight"):
            down = 0.02 * torch.randn(RANK, inputs, generator=generator)
            up = 0.02 * torch.randn(outputs[0], RANK, generator=generator)
            yield name, f"layers.{block}.{_LAYERS[layer]}", (down, up)
