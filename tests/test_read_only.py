"""A command that only reads makes no file and no folder, in an empty folder and in that of a persona."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.__main__ import _run
from bot.app.arguments import argument_parser
from bot.errors import UserError
from tests.fixtures.tiny_training import TinyPersona
from training.__main__ import COMMANDS, _parser
from training.__main__ import main as train

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

BOT = (
    ["persona", "list"],
    ["persona", "show", "mara"],
    ["persona", "show", "mara", "--place", "terminal/local/mara"],
    ["data", "status"],
    ["data", "export", "--author", "local"],
    ["models"],
    ["doctor"],
    ["--help"],
    ["persona", "--help"],
)
TRAINING = (
    ["recipe"],
    ["preview", "--persona", "mara"],
    ["train", "--persona", "mara", "--plan"],
    ["formats"],
    ["--help"],
    ["import", "--help"],
)
PROGRAMS = [("bot", words) for words in BOT] + [("training", words) for words in TRAINING]
WRITING = {
    "import",
    "build",
    "train",
    "evaluate",
    "export",
    "adopt",
    "push",
    "pull",
    "convert",
    "forget",
    "make",
}


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path below a folder, with size and time of its last change."""
    paths = [folder, *folder.rglob("*")]
    stats = {str(path): path.stat() for path in paths}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def call(program: str, words: Sequence[str], config: Path | None) -> None:
    arguments = [*(["--config", str(config)] if config else []), *words]
    with contextlib.suppress(SystemExit, UserError):
        if program == "bot":
            _run(argument_parser(None).parse_args(arguments))
        else:
            train(arguments)


def locked(folder: Path, mode: int) -> None:
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            path.chmod(mode)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for caches, from which each command starts."""
    for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("ALTEREGO_DATA", raising=False)
    monkeypatch.delenv("ALTEREGO_CONFIG", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    persona = TinyPersona(tmp_path_factory.mktemp("built"))
    assert persona.run("build")[0] == 0
    for path in (persona.work / "encoded").glob("*"):
        path.unlink()
    return persona


def title(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


@pytest.mark.parametrize(("program", "words"), PROGRAMS, ids=title)
def test_nothing_is_made_in_an_empty_folder(
    program: str, words: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "empty").mkdir()
    monkeypatch.chdir(home / "empty")
    before = tree(home)
    call(program, words, None)
    assert tree(home) == before


@pytest.mark.parametrize(("program", "words"), PROGRAMS, ids=title)
def test_nothing_is_made_in_a_personas_folder(
    program: str, words: list[str], home: Path, built: TinyPersona, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "cwd").mkdir()
    monkeypatch.chdir(home / "cwd")
    locked(built.root, 0o555)
    before = tree(built.root), tree(home)
    try:
        call(program, words, built.root / "config.toml")
    finally:
        after = tree(built.root), tree(home)
        locked(built.root, 0o755)
    assert after == before


def test_a_plan_and_a_preview_are_made_without_writing(
    built: TinyPersona, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked(built.root, 0o555)
    config = ["--config", str(built.root / "config.toml")]
    try:
        codes = [train([*config, *words]) for words in TRAINING[1:3]]
    finally:
        locked(built.root, 0o755)
    assert codes == [0, 0]
    assert "⟦" in capsys.readouterr().out


def test_every_command_of_the_trainer_is_in_the_table_or_writes() -> None:
    reading = {words[0] for words in TRAINING if not words[0].startswith("-")}
    assert {*COMMANDS} - WRITING == reading - WRITING
    assert _parser() is not None


def test_doctor_tries_the_compiler_without_keeping_what_it_makes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.app.model_findings import native_finding
    from bot.config import load_config

    (home / "config.toml").touch()
    found = native_finding(load_config(home / "config.toml", {}))
    assert found.right
    assert not (home / "home").exists()
