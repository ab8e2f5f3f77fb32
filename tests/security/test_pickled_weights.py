"""Pickled weights of a base model are never opened, in serving or in training, wherever they lie."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.utils import filter_repo_objects

from bot.engine.checkpoint.hub_download import HUB_FILES, HUB_LEFT_OUT
from bot.engine.checkpoint.source import locate_model
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.model_loader.driver import settings
from tests.fakes import tiny
from tests.fixtures.tiny_training import TinyPersona
from tests.security.pickles import ADAPTER, WAYS, write_pickle


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let torch.load run code, as its older versions did, and return the list of files it was given."""
    real: Callable[..., Any] = torch.load
    given: list[str] = []

    def load(file: Any, **options: Any) -> Any:
        given.append(str(file))
        return real(file, **options | {"weights_only": False, "mmap": False})

    monkeypatch.setattr(torch, "load", load)
    return given


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    return TinyPersona(tmp_path_factory.mktemp("built")).built()


def test_the_planted_pickle_writes_where_it_is_opened(tmp_path: Path, opened: list[str]) -> None:
    write_pickle(tmp_path / "weights.bin", tmp_path / "canary")
    torch.load(tmp_path / "weights.bin")
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("way", WAYS)
async def test_serving_opens_no_pickle(sound: Path, tmp_path: Path, opened: list[str], way: str) -> None:
    model = Path(shutil.copytree(sound, tmp_path / "model"))
    WAYS[way](model, tmp_path / "canary")
    async with LocalEngine(settings(model), tmp_path / "data") as engine:
        with pytest.raises(UserError, match=r"; .+\.|: .+\."):
            await engine.ready()
    assert not opened
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("way", WAYS)
def test_training_opens_no_pickle(built: TinyPersona, tmp_path: Path, opened: list[str], way: str) -> None:
    persona = built.copy(tmp_path / "town")
    model = Path(shutil.copytree(built.root / "model", tmp_path / "model"))
    text = (persona.root / "config.toml").read_text()
    (persona.root / "config.toml").write_text(text.replace(str(built.root / "model"), str(model)))
    WAYS[way](model, tmp_path / "canary")
    code, _, error = persona.run("train")
    assert code == 2, error
    assert not opened
    assert not (tmp_path / "canary").exists()


async def test_an_adapter_beside_a_gguf_file_is_not_followed(tmp_path: Path, opened: list[str]) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(ADAPTER))
    write_pickle(tmp_path / "adapter_model.bin", tmp_path / "canary")
    source = locate_model(settings("HuggingFaceTB/SmolLM2-135M-Instruct"))
    assert source.path is not None
    (tmp_path / "model.gguf").symlink_to(source.path)
    async with LocalEngine(settings(tmp_path / "model.gguf"), tmp_path / "data") as engine:
        await engine.ready()  # nothing is read beside a file that is served as it lies
    async with LocalEngine(settings(tmp_path / "model.gguf", precision="bf16"), tmp_path / "data") as engine:
        await engine.ready()  # nor beside one that is converted
    assert not opened
    assert not (tmp_path / "canary").exists()


def test_a_download_takes_no_pickle_no_code_and_no_folder() -> None:
    offered = """config.json model.safetensors tokenizer.json chat_template.jinja pytorch_model.bin model.pt
        pytorch_model.bin.index.json modeling_x.py adapter_config.json adapter_model.safetensors
        original/consolidated.00.pth onnx/config.json consolidated.safetensors .metadata""".split()
    taken = filter_repo_objects(
        offered, allow_patterns=list(HUB_FILES), ignore_patterns=list(HUB_LEFT_OUT)
    )  # by which `snapshot_download` chooses
    assert set(taken) == {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"}
