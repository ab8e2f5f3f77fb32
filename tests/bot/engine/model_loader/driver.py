"""Ways to load a model in a test."""

import json
import shutil
from pathlib import Path
from typing import Any

from bot.config import ModelSettings
from bot.engine.model_loader import load_plan, loader
from bot.engine.model_loader.loader import LoadedModel
from bot.engine.tokenizer.files import read_tokenizer


def settings(name: object, **more: object) -> ModelSettings:
    return ModelSettings.model_validate({"name": str(name)} | more)


def loaded(name: object, data: Path, **more: object) -> LoadedModel:
    asked = settings(name, **more)
    found = load_plan.plan_load(asked, data, lambda stage: None)
    return loader.load_model(found, asked, read_tokenizer(found.folder))


def weights(name: object, data: Path, **more: object) -> Any:
    """The model as transformers has it."""
    asked = settings(name, **more)
    return loader.load_weights(load_plan.plan_load(asked, data, lambda stage: None), asked)


def in_cache(cache: Path, name: str, folder: Path) -> Path:
    """Put a model where the hub's client keeps it."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("a" * 40)
    return Path(shutil.copytree(folder, repository / "snapshots" / ("a" * 40)))


def edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
