"""A folder's packed copy is written once, whole, and is mapped; its bits and bytes are told."""

import os
from pathlib import Path

import pytest
import torch

from bot.app.doctor import run_checks
from bot.engine.model_loader.load_plan import describe_weights, plan_load
from bot.engine.model_loader.loader import load_weights, meta_model
from bot.engine.model_loader.packed import packed_file
from bot.engine.model_loader.packed_model import weight_bytes_of
from bot.engine.quantization.block_types import BLOCK_TYPES
from tests.bot.engine.model_loader.driver import settings
from tests.bot.engine.model_loader.packed_models import TYPES, planned, saved, stored_quantised, whole_blocks

pytestmark = pytest.mark.usefixtures("compiler", "small_pieces")


def test_a_plan_packs_nothing_and_loading_writes_a_copy_that_is_mapped_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, stages = saved(tmp_path, monkeypatch), list[str]()
    plan = planned(folder, tmp_path / "data", "nf4", stages)
    assert meta_model(plan) is not None
    assert (stages, (tmp_path / "data").exists()) == ([], False)
    load_weights(plan, settings(folder))
    assert stages[0].startswith("packing the base model (once): 0 of 0 MB")
    copy = next((tmp_path / "data" / "models").glob("*-nf4-packed-*"))
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


def test_bits_are_told_before_and_after_packing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path, monkeypatch)
    layers = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128)
    bits = (4.5 * layers + 8.5 * 2 * 96 * 64) / (layers + 2 * 96 * 64)
    told = f"{bits:.1f} bits (NF4, Q8_0)"
    plan = planned(folder, tmp_path, "nf4")
    assert plan.weights_text == describe_weights(plan.source, settings(folder, precision="nf4")) == told
    assert planned(folder, tmp_path, "int8").weights_text == "8.5 bits (Q8_0)"
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


async def test_doctor_tells_the_bits_and_packs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(tmp_path, monkeypatch)
    file = tmp_path / "config.toml"
    file.write_text(f'[model]\nname = "{folder.as_posix()}"\nprecision = "int8"\ndevice = "cpu"\n')
    told = [each.text for each in await run_checks(file) if each.subject == "model"]
    assert told == [f"{folder} at {folder}, served in 8.5 bits (Q8_0)"]
    assert packed_file.PACKED_FILE not in [name for _, _, names in os.walk(tmp_path) for name in names]
