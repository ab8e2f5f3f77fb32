"""Ollama's store is read in place: names as `ollama list` has them, files by their hash."""

import json
from pathlib import Path

import pytest

from bot.config import ModelSettings
from bot.engine.checkpoint.ollama import ollama_folders, ollama_model, ollama_names
from bot.engine.checkpoint.source import locate_model
from bot.errors import UserError
from tests.fakes.gguf_files import write_gguf
from tests.fakes.ollama_store import add_model


def test_models_are_named_as_ollama_lists_them(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "a.gguf")
    add_model(tmp_path, file, "registry.ollama.ai/library/qwen2.5", "1.5b")
    add_model(tmp_path, file, "registry.ollama.ai/someone/mine", "latest")
    add_model(tmp_path, file, "hf.co/bartowski/Tiny-GGUF", "Q4_K_M")
    assert list(ollama_names(tmp_path)) == [
        "ollama:hf.co/bartowski/Tiny-GGUF:Q4_K_M",
        "ollama:qwen2.5:1.5b",
        "ollama:someone/mine:latest",
    ]
    for name in ollama_names(tmp_path):
        assert ollama_model(name, (tmp_path,)).read_bytes() == file.read_bytes()


def test_the_tag_may_be_left_out(tmp_path: Path) -> None:
    add_model(tmp_path, write_gguf(tmp_path / "a.gguf"), "registry.ollama.ai/library/tiny", "latest")
    assert ollama_model("ollama:tiny", (tmp_path,)) == ollama_model("ollama:tiny:latest", (tmp_path,))


MODEL = b'{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": %s}]}'
DAMAGED = [b"", b"[]", b"{", b'{"layers": []}', b'{"layers": [1]}', b"[" * 5000]


@pytest.mark.parametrize("manifest", [*DAMAGED, MODEL % b'"../../x"', MODEL % b"7"])
def test_a_damaged_manifest_names_no_model(manifest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "manifests/registry.ollama.ai/library/tiny/latest"
    path.parent.mkdir(parents=True)
    path.write_bytes(manifest)
    with pytest.raises(UserError, match="Ollama has no whole model tiny: run `ollama pull tiny`, or choose"):
        ollama_model("ollama:tiny", (tmp_path,))


@pytest.mark.parametrize("name", ["ollama:", "ollama:../../../x:y", "ollama:a/b/c/d:e", "ollama:..:latest"])
def test_a_name_cannot_leave_the_store(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Ollama has no whole model"):
        ollama_model(name, (tmp_path,))


def test_the_folder_of_the_environment_comes_first() -> None:
    assert ollama_folders({"OLLAMA_MODELS": "/mine"})[:2] == (Path("/mine"), Path.home() / ".ollama/models")


def test_a_model_of_the_store_is_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    blob = add_model(tmp_path, write_gguf(tmp_path / "a.gguf"), "registry.ollama.ai/library/tiny", "1b")
    source = locate_model(ModelSettings(name="ollama:tiny:1b"))
    assert (source.kind, source.name, source.path) == ("gguf", "ollama:tiny:1b", blob)
    manifest = json.loads((tmp_path / "manifests/registry.ollama.ai/library/tiny/1b").read_text())
    assert manifest["layers"][1]["digest"].removeprefix("sha256:") == blob.name.removeprefix("sha256-")
