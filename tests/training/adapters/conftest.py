"""A tiny base model, adapters that were trained on it, and a persona to install them for."""

import shutil
from pathlib import Path

import pytest

from tests.fakes import families, tiny
from tests.fixtures.adapter_workspace import make_workspace
from tests.fixtures.exported_adapters import lora
from training.dataset.workspace import Workspace


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two adapters, as training leaves them."""
    one, two = (tiny.save_adapter(tmp_path_factory.mktemp("run"), base, seed) for seed in (1, 2))
    return one, two


@pytest.fixture
def workspace(base: Path, tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, base)


@pytest.fixture(scope="module")
def plain(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_adapter(tmp_path_factory.mktemp("adapter"), base)


@pytest.fixture
def foreign(plain: Path, tmp_path: Path) -> Path:
    """A copy of a good adapter, to change."""
    return Path(shutil.copytree(plain, tmp_path / "foreign"))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model of the family llama, and an adapter of it."""
    root = tmp_path_factory.mktemp("plain")
    base = families.save("llama", root / "base")
    return base, lora(base, root / "run")
