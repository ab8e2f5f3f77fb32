"""A base model whose files are damaged is refused with one sentence that names the file or the model."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bot.config import ModelSettings
from bot.engine.checkpoint import weight_files
from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import check_weights
from bot.engine.checkpoint.weight_files import INDEX
from bot.engine.model_loader.load_failure import load_explained
from bot.engine.model_loader.load_plan import plan_load
from bot.engine.model_loader.loader import meta_model
from bot.engine.tokenizer.files import read_tokenizer
from bot.errors import UserError
from tests.fakes import tiny

Damage = Callable[[Path], object]
QUERY = "model.layers.0.self_attn.q_proj.weight"


def cut(name: str, keep: float) -> Damage:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * keep)])

    return damage


def overwrite(name: str, start: int, content: bytes) -> Damage:
    def damage(folder: Path) -> None:
        whole = bytearray((folder / name).read_bytes())
        whole[start : start + len(content)] = content
        (folder / name).write_bytes(whole)

    return damage


def write(name: str, text: str) -> Damage:
    return lambda folder: (folder / name).write_text(text)


def configure(**changes: object) -> Damage:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return damage


def replace_query(tensor: torch.Tensor | None) -> Damage:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        del tensors[QUERY]
        save_file(
            tensors | ({} if tensor is None else {QUERY: tensor}),
            folder / "model.safetensors",
            metadata={"format": "pt"},
        )

    return damage


WEIGHTS = "model.safetensors"
DAMAGES: dict[str, tuple[Damage, str]] = {
    "weights cut off": (cut(WEIGHTS, 0.5), "model.safetensors is cut off, or longer"),
    "weights cut off in their header": (cut(WEIGHTS, 0.001), "model.safetensors is cut off in its header"),
    "no byte of weights": (cut(WEIGHTS, 0), "model.safetensors is cut off in its header"),
    "another header": (overwrite(WEIGHTS, 8, b"\xff" * 50), "header of model.safetensors is not valid JSON"),
    "a header of 2^60 bytes": (
        overwrite(WEIGHTS, 0, (1 << 60).to_bytes(8, "little")),
        "is cut off in its header",
    ),
    "a tensor without a place": (
        write(WEIGHTS, (14).to_bytes(8, "little").decode() + '{"a": {"b":1}}'),
        "tensor without a place",
    ),
    "a tensor missing": (replace_query(None), f"1 of the tensors that it needs are missing, such as {QUERY}"),
    "a tensor of another shape": (replace_query(torch.zeros(3, 3)), "weights have other shapes"),
    "more layers than weights": (configure(num_hidden_layers=9), "tensors that it needs are missing"),
    "a billion layers": (configure(num_hidden_layers=10**9), "describes a larger model"),
    "a billion words": (configure(vocab_size=10**9), "describes a larger model"),
    "layers of a billion": (configure(intermediate_size=10**9), "describes a larger model"),
    "an empty config": (write("config.json", "{}"), "config.json could not be loaded"),
    "a config cut off": (cut("config.json", 0.5), "config.json cannot be read as JSON"),
    "a config of brackets": (write("config.json", '{"a":' * 5000), "config.json cannot be read as JSON"),
    "an unknown kind": (configure(model_type="new"), "config.json could not be loaded"),
    "a size that is a word": (configure(hidden_size="a"), "config.json could not be loaded"),
    "a negative size": (configure(hidden_size=-4), "could not be loaded"),
    "no heads": (configure(num_attention_heads=0), "config.json could not be loaded"),
    "an unknown activation": (configure(hidden_act="new"), "could not be loaded"),
    "unknown positions": (configure(rope_scaling={"type": "new"}), "could not be loaded"),
    "a quantisation that is a list": (configure(quantization_config=[1]), "could not be loaded"),
    "generation settings that are a list": (write("generation_config.json", "[1]"), "could not be loaded"),
    "a tokenizer cut off": (cut("tokenizer.json", 0.5), "The tokenizer in .* could not be loaded"),
    "an empty tokenizer": (write("tokenizer.json", "{}"), "The tokenizer in .* could not be loaded"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "The tokenizer in .* could not"),
    "tokenizer settings cut off": (write("tokenizer_config.json", '{"a'), "The tokenizer in .* could not"),
    "a copy's tokenizer cut off": (write("special.json", '{"a"'), "The tokenizer in .* could not"),
    "a copy's tokenizer of numbers": (
        write("special.json", '{"special": 3, "template": 4, "end": 5}'),
        "The tokenizer in .* could not",
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


def refusals(folder: Path, data: Path) -> list[str]:
    """Open a model in every way; return the sentences. Any other error is raised."""
    settings = ModelSettings(name=str(folder), precision="fp32", device="cpu", threads=1)
    found = []
    for opened in (
        lambda: load_explained(plan_load(settings, data, lambda stage: None), settings),
        lambda: meta_model(plan_load(settings, data, lambda stage: None)),
        lambda: norm_fingerprint(plan_load(settings, data, lambda stage: None).source),
        lambda: read_tokenizer(folder),
    ):
        try:
            opened()
        except UserError as error:
            found.append(str(error))
    return found


def test_a_whole_model_is_opened(whole: Path, tmp_path: Path) -> None:
    assert refusals(whole, tmp_path / "data") == []


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_model_is_refused_with_a_sentence(name: str, whole: Path, tmp_path: Path) -> None:
    damage, reason = DAMAGES[name]
    folder = tmp_path / "base"
    shutil.copytree(whole, folder)
    damage(folder)
    sentences = refusals(folder, tmp_path / "data")
    assert any(re.search(reason, sentence) for sentence in sentences), sentences
    assert all("\n" not in sentence and len(sentence) < 700 for sentence in sentences)


def test_ids_that_are_no_numbers_end_no_text(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(whole, folder)
    (folder / "generation_config.json").write_text('{"eos_token_id": ["x", [1], 7, true]}')
    assert read_tokenizer(folder).end == read_tokenizer(whole).end | {7}


@pytest.mark.parametrize("name", ["config.json", INDEX])
def test_a_file_of_settings_beyond_the_bound_is_refused(
    name: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_files, "_JSON_BYTES", 8 << 10)
    folder = tmp_path / "base"
    shutil.copytree(whole, folder)
    if name == INDEX:
        (folder / WEIGHTS).rename(folder / "model-00001.safetensors")
    (folder / name).write_text(json.dumps({"weight_map": {"a": "x" * (8 << 10)}}))
    with pytest.raises(UserError, match=rf"{name} has more than 8 KB"):
        check_weights(folder, "base")
