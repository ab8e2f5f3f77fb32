"""A settings file in a folder, and what loading it complains of."""

from pathlib import Path

import pytest

from bot.config import Config, load_config
from bot.errors import UserError


def settings(folder: Path, text: str | bytes = "", environment: dict[str, str] | None = None) -> Config:
    file = folder / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(file, environment or {})


def complaint(folder: Path, text: str | bytes) -> str:
    with pytest.raises(UserError) as caught:
        settings(folder, text)
    return str(caught.value).replace(str(folder), "<folder>")
