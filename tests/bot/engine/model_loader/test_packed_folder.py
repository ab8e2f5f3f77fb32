"""Folders in nf4 and int8 are served packed on a CPU: as transformers answers with the same numbers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bot.engine.kernels.compiler import LibraryBuild
from bot.engine.lora.registry import linear_layers
from bot.engine.model_executor import probes
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.load_plan import LoadPlan, describe_weights, plan_load
from bot.engine.model_loader.loader import load_weights
from bot.engine.model_loader.packed_model import load_packed
from bot.engine.quantization.dequantization import dequantise
from bot.engine.quantization.packing import pack
from tests.bot.engine.checkpoint.gguf.variants import make_model
from tests.bot.engine.model_loader.driver import settings
from tests.bot.engine.model_loader.packed_models import TYPES, planned, saved, stored_quantised, whole_blocks

pytestmark = pytest.mark.usefixtures("compiler", "small_pieces")

FAMILIES = [
    *("llama", "llama-tied", "mistral", "qwen2", "qwen3-biased", "gemma2", "gemma3-linear", "phi3-partial"),
    *("glm4", "granite", "gpt2", "gpt2-tied", "smollm3"),
]


def logits_error(plan: LoadPlan, expected: Any, library: Any = None) -> float:
    """Return how far the engine's logits for the probes are from those of a model of transformers."""
    with torch.inference_mode():
        theirs = probes.single_logits(expected, torch.device("cpu"))
        assert plan.packed is not None
        runner = ModelRunner(load_packed(plan.packed, "tiny", torch.float32), "tiny", 64, library)
        ours = probes.batched_logits(runner.forward, runner.batch_of)[0]
    return probes.relative_error(ours, theirs)


def rounded(model: Any, precision: str) -> Any:
    """Give a model's matrices the numbers that blocks have; the embedding's and the head's are in 8 bits."""
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    with torch.no_grad():
        table.weight.copy_(dequantise(pack(table.weight, "Q8_0")))
        layers: list[Any] = [*linear_layers(model).values()]
        for layer in layers:
            if layer is head and head.weight is not table.weight:
                layer.weight.copy_(dequantise(pack(layer.weight, "Q8_0")))
            elif layer is not head:
                weight = layer.weight.T if type(layer).__name__ == "Conv1D" else layer.weight
                weight.copy_(dequantise(pack(weight, TYPES[precision])))
    return model


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_of_every_family_answers_as_transformers(
    name: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = whole_blocks(name, monkeypatch)
    model.save_pretrained(tmp_path / "model")
    plan = planned(tmp_path / "model", tmp_path, precision)
    assert logits_error(plan, rounded(model, precision)) < 1e-3


@pytest.mark.parametrize("precision", TYPES)
def test_kernels_in_c_answer_the_same(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = whole_blocks("llama", monkeypatch)
    model.save_pretrained(tmp_path / "model")
    plan = planned(tmp_path / "model", tmp_path, precision)
    assert logits_error(plan, rounded(model, precision), LibraryBuild().library()) < 0.05


@pytest.mark.parametrize(("precision", "nested"), [("nf4", False), ("nf4", True), ("int8", False)])
@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_weights_that_bitsandbytes_stored_lose_nothing_more(
    name: str, precision: str, nested: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = whole_blocks(name, monkeypatch)
    expected = stored_quantised(model, tmp_path, precision, nested=nested)
    plan = planned(tmp_path / "stored", tmp_path)
    assert (plan.precision, plan.packed is not None) == (precision, True)
    served = load_weights(plan, settings(plan.folder))
    found = {path: dequantise(served.get_submodule(path).matrix) for path in expected}
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_a_model_in_parts_is_the_one_in_a_single_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = whole_blocks("llama", monkeypatch)
    model.save_pretrained(tmp_path / "model", max_shard_size="50KB")
    assert len([*(tmp_path / "model").glob("*.safetensors")]) > 1
    assert logits_error(planned(tmp_path / "model", tmp_path, "nf4"), rounded(model, "nf4")) < 1e-3


def narrow(folder: Path) -> None:
    """Replace the model by one whose heads of 12 numbers fill no blocks."""
    shutil.rmtree(folder)
    model = make_model("llama-biased")
    model.save_pretrained(folder)


def rename(old: str, new: str, folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = {name.replace(old, new): tensor for name, tensor in load_file(file).items()}
    save_file(tensors, file, {"format": "pt"})


def drop_prefix(folder: Path) -> None:
    rename("model.", "", folder)


def add_head_to_tied(folder: Path) -> None:
    """The settings say that embedding and head are one, the file has both."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))


def other_bits(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    tensors["model.layers.0.mlp.up_proj.weight"] = tensors["model.layers.0.mlp.up_proj.weight"].to(
        torch.float8_e4m3fn
    )
    save_file(tensors, file, {"format": "pt"})


Tensors = dict[str, Tensor]
UP = "model.layers.0.mlp.up_proj"
STATE = f"{UP}.weight.quant_state.bitsandbytes__nf4"


def in_state(tensors: Tensors, **changes: object) -> Tensors:
    values = json.loads(bytes(tensors[STATE].tolist())) | changes
    return {STATE: torch.tensor([*json.dumps(values).encode()], dtype=torch.uint8)}


DAMAGES: dict[str, tuple[str, Callable[[Tensors], Tensors]]] = {
    "blocks of another size": ("nf4", lambda given: in_state(given, blocksize=128)),
    "another shape": ("nf4", lambda given: in_state(given, shape=[64, 128])),
    "scales of scales in other blocks": ("nf4", lambda given: in_state(given, nested_blocksize=64)),
    "no offset": ("nf4", lambda given: in_state(given, nested_offset="0")),
    "no state": ("nf4", lambda given: {STATE: torch.zeros(9, dtype=torch.uint8)}),
    "other levels": ("nf4", lambda given: {f"{UP}.weight.quant_map": torch.linspace(-1, 1, 16)}),
    "too few scales": ("nf4", lambda given: {f"{UP}.weight.absmax": torch.zeros(3, dtype=torch.uint8)}),
    "too few codes": ("nf4", lambda given: {f"{UP}.weight": torch.zeros(9, 1, dtype=torch.uint8)}),
    "too few rows": ("int8", lambda given: {f"{UP}.weight": torch.zeros(9, 64, dtype=torch.int8)}),
    "too few largest numbers": ("int8", lambda given: {f"{UP}.SCB": torch.zeros(9)}),
    "another order": ("int8", lambda given: {f"{UP}.weight_format": torch.tensor(2, dtype=torch.uint8)}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_codes_that_are_stored_in_an_unknown_way_are_not_packed(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precision, change = DAMAGES[damage]
    stored_quantised(whole_blocks("llama", monkeypatch), tmp_path, precision, nested=True)
    assert planned(tmp_path / "stored", tmp_path).packed is not None
    file = tmp_path / "stored" / "model.safetensors"
    tensors = load_file(file)
    save_file(tensors | change(tensors), file, {"format": "pt"})
    assert planned(tmp_path / "stored", tmp_path).packed is None


@pytest.mark.parametrize("change", [narrow, drop_prefix, add_head_to_tied, other_bits])
def test_other_folders_keep_the_layers_of_bitsandbytes(
    change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(tmp_path, monkeypatch)
    change(folder)
    plan = planned(folder, tmp_path, "nf4")
    assert plan.packed is None
    assert describe_weights(plan.source, settings(folder, precision="nf4")) == plan.weights_text == "nf4"


def test_without_kernels_in_c_the_layers_of_bitsandbytes_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = settings(saved(tmp_path, monkeypatch), precision="nf4", native=False)
    assert plan_load(asked, tmp_path, print, serves_packed=True).packed is None
