"""A GGUF file is served as it lies: as transformers answers with its weights, and without a copy of them."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from bot.engine.checkpoint.gguf.gguf_file import GgufFile, open_gguf
from bot.engine.kernels.compiler import LibraryBuild
from bot.engine.model_executor import probes
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.packed.gguf_weights import GgufWeights
from bot.engine.model_loader.packed.weights import quantised_bits
from bot.engine.model_loader.packed_model import load_packed
from bot.errors import UserError
from tests.bot.engine.checkpoint.gguf.variants import VARIANTS, make_model
from tests.fakes.gguf_models import Change, write_model

ODD = "llama-biased"  # its heads of 12 numbers fill no blocks
PATH = "model.layers.0.mlp.down_proj"


def write_quantised(path: Path, model: Any, kind: str, *changes: Change) -> Path:
    """Write the matrices of a model's layers in a quantised type, and give the model the same weights.

    `changes` add more to the file.
    """
    number = gguf.GGMLQuantizationType[kind]

    def quantise(writer: gguf.GGUFWriter) -> None:
        tensors = writer.tensors[0]
        for name in [name for name in tensors if name.startswith("blk.") and tensors[name].tensor.ndim == 2]:
            packed = gguf.quants.quantize(tensors.pop(name).tensor, number)
            writer.add_tensor(name, packed, raw_dtype=number)

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if (".layers." in name or ".h." in name) and parameter.ndim == 2:
                rows = parameter.T if ".h." in name else parameter  # GPT-2's layers are transposed
                packed = gguf.quants.quantize(rows.numpy().copy(), number)
                rows.copy_(torch.from_numpy(gguf.quants.dequantize(packed, number)))
    return write_model(path, model, quantise, *changes)


def served_error(file: GgufFile, model: Any, library: Any = None) -> float:
    """Return how far the engine's logits for the probes are from those of transformers."""
    with torch.inference_mode():
        expected = probes.single_logits(model, torch.device("cpu"))
        runner = ModelRunner(load_packed(GgufWeights(file), "tiny", torch.float32), "tiny", 64, library)
        served = probes.batched_logits(runner.forward, runner.batch_of)[0]
    return probes.relative_error(served, expected)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != ODD])
def test_a_file_of_every_family_answers_as_transformers(name: str, tmp_path: Path) -> None:
    model = make_model(name)
    assert served_error(open_gguf(write_model(tmp_path / "model.gguf", model)), model) < 0.03


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_quantised_blocks_answer_as_the_numbers_that_they_stand_for(kind: str, tmp_path: Path) -> None:
    model = make_model("llama")
    file = open_gguf(write_quantised(tmp_path / "model.gguf", model, kind))
    assert served_error(file, model) < 0.01  # the embedding and the head are turned into Q8_0
    if library := LibraryBuild().library():
        assert served_error(file, model, library) < 0.05


def test_the_blocks_are_those_of_the_mapped_file(tmp_path: Path) -> None:
    file = open_gguf(write_quantised(tmp_path / "model.gguf", make_model("qwen3"), "Q4_0"))
    layer = load_packed(GgufWeights(file), "tiny", torch.float32).get_submodule(PATH)
    assert layer.matrix.data.data_ptr() == file.tensors[f"{PATH}.weight"].data.ctypes.data


def test_bits_are_those_of_all_matrices(tmp_path: Path) -> None:
    file = open_gguf(write_quantised(tmp_path / "model.gguf", make_model("qwen3"), "Q4_0"))
    sizes = {
        kind: sum(tensor.bytes for tensor in file.tensors.values() if tensor.type.name == kind)
        for kind in ("Q4_0", "F32")
    }
    matrices = [tensor for tensor in file.tensors.values() if len(tensor.shape) == 2]
    norms = sum(tensor.bytes for tensor in file.tensors.values()) - sum(each.bytes for each in matrices)
    numbers = sum(np.prod(tensor.shape) for tensor in matrices)
    bits = 8 * (sizes["Q4_0"] + sizes["F32"] - norms) / numbers
    assert quantised_bits(GgufWeights(file).sizes) == (bits, ("F32", "Q4_0"))


def test_plain_numbers_that_fill_no_blocks_are_refused(tmp_path: Path) -> None:
    file = open_gguf(write_model(tmp_path / "model.gguf", make_model(ODD)))
    with pytest.raises(
        UserError, match=r"has 48 columns, which fill no blocks of Q8_0: set \[model\] precision"
    ):
        load_packed(GgufWeights(file), "tiny", torch.float32)
