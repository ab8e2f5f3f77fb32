"""Names are never paths: whatever somebody is called or asks for, nothing is read or written by that name."""

from itertools import product
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.message import Author, Message, Place
from bot.persona.persona import load_cast
from tests.conftest import Stage
from training.__main__ import main as training

PIECES = ("..", "../..", "/etc/passwd", "C:\\Windows", "CON", "NUL", "aux.txt", "~root", "$HOME", "a" * 300)
FRAMES = (
    *("{}", "{}/card.json", "mara/../{}", "./{}", "{}.", "{} ", "{}\x00.png", "\u202e{}", "{}::$DATA"),
    "file:///{}",
)
NAMES = [frame.format(piece) for piece, frame in product(PIECES, FRAMES)]


def tree(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home/personas/mara").mkdir(parents=True)
    (tmp_path / "home/personas/mara/card.json").write_text('{"name": "Mara"}')
    (tmp_path / "home/personas/mara/persona.toml").touch()
    (tmp_path / "home/config.toml").touch()
    return tmp_path


def test_there_are_a_hundred_names() -> None:
    assert len(set(NAMES)) == 100


def test_no_name_of_a_persona_leaves_the_folder_of_personas(home: Path) -> None:
    cast, before = load_cast(home / "home/personas"), tree(home)
    for name in NAMES:
        with pytest.raises(UserError, match="There is no persona"):
            cast.find(name)
    assert tree(home) == before


def test_no_name_given_to_the_trainer_makes_or_reads_a_file(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, before = home / "export.json", tree(home)
    for name in NAMES:
        words = ["--config", str(home / "home/config.toml"), "import", str(export), f"--persona={name}"]
        assert training(words) == 2
        told = capsys.readouterr().err
        assert "There is no persona" in told or "is no name for a persona's folder" in told, name
    assert tree(home) == before


async def test_no_name_of_a_person_a_chat_or_a_message_becomes_a_file(stage: Stage) -> None:
    before = tree(stage.folder)
    for name in NAMES:
        place = Place("test", "bot", name, name)
        await stage.chat.receive(Message(place, name, Author(name, name), name, 1.0, address="direct"))
        await stage.chat.worker(place).idle()
    assert len(stage.outlet.sent) == len(NAMES)
    assert tree(stage.folder) == before
