"""A persona's folder, and what loading it complains of."""

import json
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.persona.persona import load_persona

CARD = json.dumps({"name": "Mara Quill", "nickname": "Mara"})


def folder(root: Path, toml: str | None = "", card: str | bytes | None = CARD, key: str = "mara") -> Path:
    path = root / key
    path.mkdir(parents=True)
    if toml is not None:
        (path / "persona.toml").write_text(toml)
    if card is not None:
        (path / "card.json").write_bytes(card if isinstance(card, bytes) else card.encode())
    return path


def complaint(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_persona(path)
    return str(caught.value).replace(str(path), "<folder>")
