"""Files that another user of the machine could have written are not loaded.

Each file is planted as another user would: handed over to that user, open to everybody, or linked by them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapter.files import CONFIG
from bot.config import load_config
from bot.engine.checkpoint.converted import find_converted, make_converted
from bot.engine.checkpoint.source import locate_model
from bot.errors import UserError
from bot.memory.db import backup
from bot.memory.store import Memory
from bot.persona.persona import load_persona
from bot.untrusted import RefusedFile, read_json
from tests.bot.engine.model_loader.driver import in_cache, settings
from tests.fakes import tiny
from tests.fixtures.tiny_training import TinyPersona
from tests.security.planting import PLANT, needs_root

pytestmark = needs_root


@dataclass(frozen=True)
class Town:
    """A folder with one of each file that is loaded."""

    root: Path
    hub: Path

    @property
    def personas(self) -> Path:
        return self.root / "personas"


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    mara = tmp_path / "personas/mara"
    (mara / "adapter").mkdir(parents=True)
    (mara / "persona.toml").write_text("")
    (mara / "card.json").write_text('{"name": "Mara"}')
    (mara / "avatar.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(16))
    (mara / "adapter" / CONFIG).write_text("{}")
    (tmp_path / "config.toml").write_text("")
    (tmp_path / "secrets.toml").write_text('DISCORD_TOKEN = "abc"\n')
    (tmp_path / "secrets.toml").chmod(0o600)
    model = tiny.save_model(tmp_path / "model")
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    in_cache(tmp_path / "hub", "someone/tiny", model)
    return Town(tmp_path, tmp_path / "hub")


def read_settings(town: Town) -> object:
    return load_config(town.root / "config.toml", {})


def read_persona(town: Town) -> object:
    return load_persona(town.personas / "mara")


def read_adapter(town: Town) -> object:
    return read_json(town.personas / "mara/adapter", CONFIG, 1000)


def read_model(town: Town) -> object:
    return locate_model(settings(town.root / "model"))


def read_gguf(town: Town) -> object:
    return locate_model(settings(town.root / "model.gguf"))


def read_hub(town: Town) -> object:
    if locate_model(settings("someone/tiny")).kind == "hub":
        raise UserError("the cached model is passed over")
    return None


SNAPSHOT = f"hub/models--someone--tiny/snapshots/{'a' * 40}"
READ: dict[str, Callable[[Town], object]] = {
    "config.toml": read_settings,
    "secrets.toml": read_settings,
    "personas": read_persona,
    "personas/mara": read_persona,
    "personas/mara/persona.toml": read_persona,
    "personas/mara/card.json": read_persona,
    "personas/mara/avatar.png": read_persona,
    "personas/mara/adapter": read_persona,
    f"personas/mara/adapter/{CONFIG}": read_adapter,
    "model": read_model,
    "model/config.json": read_model,
    "model/model.safetensors": read_model,
    "model/tokenizer.json": read_model,
    "model.gguf": read_gguf,
    SNAPSHOT: read_hub,
    f"{SNAPSHOT}/model.safetensors": read_hub,
}


@pytest.mark.parametrize("way", PLANT)
@pytest.mark.parametrize("name", READ)
def test_what_another_user_planted_is_not_loaded(town: Town, name: str, way: str) -> None:
    READ[name](town)
    PLANT[way](town.root / name)
    with pytest.raises((UserError, RefusedFile)):
        READ[name](town)


@pytest.mark.parametrize("way", PLANT)
@pytest.mark.parametrize("name", ["", "-wal", "-journal", ".lock"])
async def test_a_planted_database_is_not_opened(tmp_path: Path, name: str, way: str) -> None:
    async with Memory(tmp_path / "memory.db"):
        pass
    planted = tmp_path / f"memory.db{name}"
    planted.touch()
    before = planted.read_bytes()
    PLANT[way](planted)
    with pytest.raises(UserError, match="is not read"):
        async with Memory(tmp_path / "memory.db"):
            pass
    assert planted.read_bytes() == before


@pytest.mark.parametrize("way", PLANT)
async def test_a_planted_backup_is_not_restored(tmp_path: Path, way: str) -> None:
    async with Memory(tmp_path / "memory.db") as memory:
        saved = await memory.backup()
    PLANT[way](saved)
    assert backup.newest_good(tmp_path / "memory.db", 10_000, 1.0) is None


@pytest.mark.parametrize("way", PLANT)
def test_a_planted_file_of_a_converted_copy_is_not_loaded(tmp_path: Path, way: str) -> None:
    copy = make_converted(
        tmp_path / "models", "a" * 64, "bf16", lambda folder: open_text(folder / "config.json")
    )
    PLANT[way](copy / "config.json")
    with pytest.raises(UserError, match="is not read"):
        find_converted(tmp_path / "models", "a" * 64, "bf16")


def open_text(path: Path) -> None:
    path.write_text("{}")


def test_a_converted_copy_with_a_file_more_is_made_anew(tmp_path: Path) -> None:
    models = tmp_path / "models"
    copy = make_converted(models, "a" * 64, "bf16", lambda folder: open_text(folder / "config.json"))
    open_text(copy / "adapter_config.json")
    assert find_converted(models, "a" * 64, "bf16") is None


@pytest.mark.parametrize("way", PLANT)
@pytest.mark.parametrize("name", ["messages.jsonl", "people.key", "encoded", "runs/1/checkpoint"])
def test_training_reads_no_planted_file(tmp_path: Path, name: str, way: str) -> None:
    persona = TinyPersona(tmp_path)
    path = persona.work / name
    if not path.exists():
        path.mkdir(parents=True)
    PLANT[way](path)
    code, _, error = persona.run("build")
    assert code == 2
    assert "is not read" in error
