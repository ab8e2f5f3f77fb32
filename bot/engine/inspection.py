"""Would these adapters load? Answered from the base model's files, without its weights."""

from collections.abc import Callable
from pathlib import Path

from bot.config import ModelSettings
from bot.engine.adapter_files import Base
from bot.engine.adapters import read_adapter
from bot.engine.model import linear_shapes, plan


def adapter_check(settings: ModelSettings, data: Path) -> Callable[[str, Path], str]:
    """A check of one adapter by name and folder, which says what it adapts or raises `UserError`.

    Converts the base model first, where that has not been done. Raises `UserError` when there is none.
    """
    found = plan(settings, data, progress=lambda stage: None)
    base = Base(found.source.name, found.fingerprint, linear_shapes(found))

    def check(name: str, folder: Path) -> str:
        return f"{name}: adapts {len(read_adapter(name, folder, base).pairs)} layers of {base.name}"

    return check
