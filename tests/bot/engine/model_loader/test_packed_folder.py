"""Folders in nf4 and int8 are served packed on a CPU: as transformers answers with the same numbers."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from bot.engine.kernels.compiler import LibraryBuild
from bot.engine.kernels.matmul import dense_weight
from bot.engine.lora.registry import linear_layers
from bot.engine.model_executor import probes
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.load_plan import LoadPlan, describe_weights, plan_load
from bot.engine.model_loader.loader import load_weights, meta_model
from bot.engine.model_loader.packed import choice, packed_file, stored_matrix
from bot.engine.model_loader.packed_model import load_packed, weight_bytes_of
from bot.engine.quantization.block_types import BLOCK_TYPES
from bot.engine.quantization.dequantization import dequantise
from bot.engine.quantization.packing import pack
from tests.bot.engine.checkpoint.gguf.variants import VARIANTS, make_model
from tests.bot.engine.model_loader.driver import settings

SIZES = {"hidden_size": 64, "intermediate_size": 128, "head_dim": 16}
GPT2 = {"n_embd": 64, "n_inner": 128}
FAMILIES = [
    *("llama", "llama-tied", "mistral", "qwen2", "qwen3-biased", "gemma2", "gemma3-linear", "phi3-partial"),
    *("glm4", "granite", "gpt2", "gpt2-tied", "smollm3"),
]
TYPES = {"nf4": "NF4", "int8": "INT8"}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_matrix, "_PIECE", 1000)


@pytest.fixture(autouse=True)
def a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_toolchains", lambda: iter([None]))


def whole_blocks(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tiny model of a variant whose matrices have whole blocks of 64 columns."""
    model_type, given = VARIANTS[name]
    monkeypatch.setitem(VARIANTS, name, (model_type, given | (GPT2 if model_type == "gpt2" else SIZES)))
    return make_model(name)


def planned(folder: Path, data: Path, precision: str = "auto", stages: list[str] | None = None) -> LoadPlan:
    told = [] if stages is None else stages
    return plan_load(settings(folder, precision=precision), data, told.append, serves_packed=True)


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
        table.weight.copy_(dequantise(pack(table.weight, "INT8")))
        layers: list[Any] = [*linear_layers(model).values()]
        for layer in layers:
            if layer is head and head.weight is not table.weight:
                layer.weight.copy_(dequantise(pack(layer.weight, "INT8")))
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


def stored_quantised(model: Any, folder: Path, precision: str, *, nested: bool = False) -> dict[str, Tensor]:
    """Let bitsandbytes store a model quantised; return the plain numbers of its layers by its own formula."""
    model.save_pretrained(folder / "plain")
    quantised = BitsAndBytesConfig(
        load_in_4bit=precision == "nf4",
        load_in_8bit=precision == "int8",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=nested,
        llm_int8_threshold=0.0,
    )
    stored = AutoModelForCausalLM.from_pretrained(
        folder / "plain", quantization_config=quantised, device_map={"": "cpu"}, dtype=torch.float32
    )
    stored.save_pretrained(folder / "stored")
    layers = {path: layer for path, layer in linear_layers(stored).items() if path != "lm_head"}
    return {path: dense_weight(layer)[0].clone() for path, layer in layers.items()}


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


def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str = "llama") -> Path:
    whole_blocks(name, monkeypatch).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_plan_packs_nothing_and_loading_writes_a_copy_that_is_mapped_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, stages = saved(tmp_path, monkeypatch), list[str]()
    plan = planned(folder, tmp_path / "data", "nf4", stages)
    assert meta_model(plan) is not None
    assert (stages, (tmp_path / "data").exists()) == ([], False)
    load_weights(plan, settings(folder))
    assert stages[0].startswith("packing the base model (once): 0 of 0 MB")
    copy = next((tmp_path / "data" / "models").glob("*-nf4-packed-v1"))
    assert sorted(os.listdir(copy)) == ["copy.json", packed_file.PACKED_FILE]
    again: list[str] = []
    load_weights(planned(folder, tmp_path / "data", "nf4", again), settings(folder))
    assert again == []


def test_a_copy_that_was_changed_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path, monkeypatch)
    first = load_weights(planned(folder, tmp_path, "nf4"), settings(folder))
    kept = first.model.layers[0].mlp.up_proj.matrix.data.clone()
    file = next((tmp_path / "models").glob(f"*/{packed_file.PACKED_FILE}"))
    content = bytearray(file.read_bytes())
    content[-9000] ^= 255
    file.write_bytes(content)
    again, stages = None, list[str]()
    again = load_weights(planned(folder, tmp_path, "nf4", stages), settings(folder))
    assert stages
    assert torch.equal(again.model.layers[0].mlp.up_proj.matrix.data, kept)


def test_packing_that_is_interrupted_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path, monkeypatch)

    def stop(stage: str) -> None:
        raise KeyboardInterrupt

    plan = plan_load(settings(folder, precision="nf4"), tmp_path, stop, serves_packed=True)
    with pytest.raises(KeyboardInterrupt):
        load_weights(plan, settings(folder))
    assert os.listdir(tmp_path / "models") == [".lock"]
    load_weights(planned(folder, tmp_path, "nf4"), settings(folder))


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


def test_bits_are_told_before_and_after_packing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path, monkeypatch)
    layers = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128)
    bits = (4.5 * layers + 8.5 * 2 * 96 * 64) / (layers + 2 * 96 * 64)
    told = f"{bits:.1f} bits (NF4, INT8)"
    plan = planned(folder, tmp_path, "nf4")
    assert plan.weights_text == describe_weights(plan.source, settings(folder, precision="nf4")) == told
    assert planned(folder, tmp_path, "int8").weights_text == "8.5 bits (INT8)"
    assert planned(folder, tmp_path, "bf16").weights_text == "bf16"


def test_bytes_of_a_loaded_model_are_those_of_blocks_and_plain_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(tmp_path, monkeypatch, "llama-tied")
    plan = planned(folder, tmp_path, "int8")
    model = load_weights(plan, settings(folder))
    plain = sum(tensor.nbytes for tensor in model.parameters())
    buffers = sum(tensor.nbytes for name, tensor in model.named_buffers() if not name.endswith("blocks"))
    assert plan.packed is not None
    blocks = sum(size.bytes for size in plan.packed.sizes)
    assert weight_bytes_of(model) == blocks + plain + buffers


@pytest.mark.parametrize("name", ["llama", "llama-tied"])
@pytest.mark.parametrize("precision", TYPES)
def test_memory_is_planned_for_the_blocks(
    precision: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(tmp_path, monkeypatch, name)
    plan = planned(folder, tmp_path, precision)
    assert plan.packed is not None
    assert plan.memory is not None
    norms = 5 * 64
    share = BLOCK_TYPES[TYPES[precision]].bits / 8
    assert plan.memory.weights == sum(size.bytes for size in plan.packed.sizes) + int(norms * share)


def test_memory_of_stored_weights_is_planned_for_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_quantised(whole_blocks("llama", monkeypatch), tmp_path, "nf4")
    plain, stored = (planned(tmp_path / each, tmp_path, "nf4").memory for each in ("plain", "stored"))
    assert plain is not None
    assert stored is not None
    assert plain.weights == stored.weights
