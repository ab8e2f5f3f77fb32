"""A persona with messages, whose base model reads bytes."""

import json
from pathlib import Path

import pytest

from tests.fakes import tiny
from tests.fakes.model import ByteTokenizer
from tests.fixtures.making import EmptyFolder
from tests.fixtures.training_messages import said
from training.dataset.base_tokenizer import BaseTokenizer
from training.store.messages import ExportedMessage, to_lines

TALK = [
    said(1, "Ana", "the harbour is full of ice", author="17"),
    said(2, "Mara", "then the boats can rest", author="1"),
    said(3, "Bo", "write to bo@example.org", author="18"),
    said(4, "Mara", "I will, when the post goes", author="1"),
    said(5, "Ana", "me too", platform="other", author="20"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A persona with messages, whose base model reads bytes."""
    made = tmp_path / "personas/mara"
    (made / "work").mkdir(parents=True)
    (made / "persona.toml").touch()
    (made / "card.json").write_text(json.dumps({"name": "Mara"}))
    (tmp_path / "config.toml").touch()
    keep(made, TALK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "training.dataset.workspace.open_base_tokenizer",
        lambda *_: BaseTokenizer("bytes", ByteTokenizer(), 4096),
    )
    return made


def keep(folder: Path, messages: list[ExportedMessage]) -> None:
    (folder / "work/messages.jsonl").write_bytes(to_lines(messages))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture
def making(model: Path, tmp_path: Path) -> EmptyFolder:
    """A folder with an export and a tiny base model, and no persona."""
    return EmptyFolder(tmp_path, model)
