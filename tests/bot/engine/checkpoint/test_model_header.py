"""A model's headers say its family, sizes and bits, and why it is not served."""

import json
import shutil
from pathlib import Path

import gguf
import pytest

from bot.engine.checkpoint.folder_model import read_model_header
from bot.engine.checkpoint.model_header import ModelHeader
from bot.errors import UserError
from bot.untrusted import RefusedFile
from tests.fakes import families, tiny
from tests.fakes.gguf_files import write_gguf

LAYERS = 2 * (64 * 64 + 64)  # numbers of the two layers of `write_gguf`


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("tiny"))


def test_a_gguf_file_is_described(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "a.gguf", "qwen2", has_head=True)
    assert read_model_header(path) == ModelHeader(
        family="qwen2",
        standing="served",
        fault="",
        bits="Q4_1",
        parameters=2 * 32 * 64 + LAYERS,
        bytes=path.stat().st_size,
        layers=2,
        hidden=64,
        intermediate=128,
        heads=4,
        kv_heads=2,
        head_size=16,
        vocabulary=32,
        context=512,
        table=32 * 64,
        head=32 * 64,
        is_gguf=True,
    )


def test_a_folder_is_described(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    table = config["vocab_size"] * 64
    attention, mlp = 2 * 64 * 64 + 2 * 32 * 64, 3 * 64 * 128
    header = read_model_header(folder)
    assert header == ModelHeader(
        family="llama",
        standing="served",
        fault="",
        bits="fp32",
        parameters=2 * table + 2 * (attention + mlp + 2 * 64) + 64,
        bytes=(folder / "model.safetensors").stat().st_size,
        layers=2,
        hidden=64,
        intermediate=128,
        heads=4,
        kv_heads=2,
        head_size=16,
        vocabulary=config["vocab_size"],
        context=config["max_position_embeddings"],
        table=table,
        head=table,
        is_packable=True,
    )
    assert (header.kv_numbers, header.lora_width) == (2 * 2 * 2 * 16, 2 * (2 * 128 + 2 * 96 + 3 * 192))


def test_sizes_without_weights_are_not_plausible(folder: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(folder, tmp_path / "mine")
    assert read_model_header(mine).is_plausible
    config = json.loads((mine / "config.json").read_text())
    (mine / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1_000_000_000}))
    assert not read_model_header(mine).is_plausible


@pytest.mark.parametrize("name", sorted({each.model_type for each in families.FAMILIES.values()}))
def test_every_family_that_is_tried_is_served(name: str, folder: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(folder, tmp_path / "mine")
    config = json.loads((mine / "config.json").read_text())
    (mine / "config.json").write_text(json.dumps(config | {"model_type": name}))
    assert read_model_header(mine).standing == "served"


@pytest.mark.parametrize("name", sorted(families.REFUSED))
def test_a_family_that_is_refused_has_a_reason(name: str, folder: Path, tmp_path: Path) -> None:
    kind = families.REFUSED[name].model_type
    mine = shutil.copytree(folder, tmp_path / "mine")
    config = json.loads((mine / "config.json").read_text())
    (mine / "config.json").write_text(json.dumps(config | {"model_type": kind}))
    header = read_model_header(mine)
    if kind != "phi3":  # refused by its positions, at the start
        assert (header.standing, header.fault.split()[0]) == ("refused", kind)


def test_the_text_model_inside_of_another_counts(folder: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(folder, tmp_path / "mine")
    config = json.loads((mine / "config.json").read_text())
    (mine / "config.json").write_text(json.dumps({"model_type": "llava", "text_config": config}))
    assert read_model_header(mine).family == "llama"


@pytest.mark.parametrize(
    ("family", "fields", "reason"),
    [
        ("mamba", {}, "mamba keeps a state in place of keys and values, which rows of a batch cannot share"),
        ("clip", {}, "clip is the part of a model that reads images"),
        ("starcoder2", {}, "GGUF files of the family starcoder2 are not read"),
        ("llama", {"llama__expert_count": 8}, "it is a mixture of experts"),
    ],
)
def test_a_gguf_file_that_is_not_served_says_why(
    family: str, fields: dict[str, int], reason: str, tmp_path: Path
) -> None:
    header = read_model_header(write_gguf(tmp_path / "a.gguf", family, **fields))
    assert (header.standing, header.fault) == ("refused", reason)


def test_a_gguf_file_that_ends_early_is_not_served(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "a.gguf")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"is no whole GGUF file \(its tensor .* ends at"):
        read_model_header(path)


def test_bits_without_a_named_type_are_those_of_most_bytes(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "a.gguf", file_type=None)
    assert read_model_header(path).bits == "F32"
    named = write_gguf(tmp_path / "b.gguf", file_type=gguf.LlamaFileType.MOSTLY_Q4_K_M)
    assert read_model_header(named).bits == "Q4_K_M"


def test_a_folder_whose_weights_are_cut_is_not_served(folder: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(folder, tmp_path / "mine")
    weights = mine / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    header = read_model_header(mine)
    assert (header.standing, header.fault) == (
        "refused",
        "model.safetensors is cut off, or longer than its header says",
    )


def test_a_folder_quantised_by_another_library_is_not_served(folder: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(folder, tmp_path / "mine")
    config = json.loads((mine / "config.json").read_text())
    (mine / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "gptq"}}))
    assert read_model_header(mine).fault == "it is quantised in a way that is not served"


def test_a_damaged_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RefusedFile, match=r"config\.json is not valid JSON"):
        read_model_header(tmp_path)
