"""`make` with input that is wrong: one sentence, and everything before it kept."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import config
from bot.persona.persona import load_persona
from tests.fixtures.making import EmptyFolder, files, rewrite
from training.__main__ import main

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

QUICK = ("--yes", "--no-talk")
NOBODY = "Nobody can be asked here, since standard input is no terminal: say"
KEPT = " What was done before is kept: the same line goes on."


def refused(making: EmptyFolder, *more: str) -> str:
    made = making.run(*more)
    assert (made.code, "Traceback" in made.err) == (2, False), made.err
    return made.told


def test_an_export_without_the_persona_is_refused_and_leaves_no_folder(making: EmptyFolder) -> None:
    assert refused(making, "--yes", "--me", "Cy") == (
        f"Nobody in these exports is 'Cy': there are Ana, Mara.{KEPT}"
    )
    rewrite(making.export, "Mara:", "Bo:")
    assert refused(making, "--yes") == (
        f"Who is the persona on whatsapp? Say --me with a name or an id: there are Ana, Bo.{KEPT}"
    )
    assert not making.persona.exists()


def test_an_export_that_is_not_there_is_refused_before_anything_is_written(
    making: EmptyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making.export.unlink()
    told = f"There is nothing at {making.export}: check the path of the export."
    assert refused(making, "--yes") == told
    assert not making.persona.exists()
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    assert main(["make", str(making.export), "--persona", "mara", "--yes"]) == 2
    assert not list((tmp_path / "new").iterdir())


def test_a_card_without_a_name_is_refused_before_anything(making: EmptyFolder) -> None:
    card = making.folder / "card.json"
    card.write_text('{"description": "Keeps a light."}')
    assert refused(making, "--yes", "--card", str(card)) == (
        f'The card {card} cannot be used: it has no name: write one into its field "name" '
        "(it has description)."
    )
    assert not making.persona.exists()


def test_a_name_that_is_taken_by_another_card_is_refused(making: EmptyFolder) -> None:
    card = making.folder / "card.json"
    making.persona.mkdir(parents=True)
    (making.persona / "card.json").write_text('{"name": "Mara Lind"}')
    card.write_text('{"name": "Mara"}')
    assert refused(making, "--yes", "--card", str(card)) == (
        f"The name 'mara' is taken by Mara Lind, with another card than {card}: choose another --persona, or "
        "leave --card out to go on with this one."
    )
    assert [path.name for path in making.persona.iterdir()] == ["card.json"]


def test_too_few_samples_are_refused_before_anything(making: EmptyFolder) -> None:
    assert refused(making, "--yes", "--samples", "3").startswith("3 answers say nothing: draw at least 10")
    assert not making.persona.exists()


def test_without_a_terminal_each_question_names_its_flag(making: EmptyFolder) -> None:
    assert refused(making) == f"{NOBODY} --describe TEXT, --draft or --card FILE.{KEPT}"
    assert refused(making, "--describe", "Mara keeps a light.") == f"{NOBODY} --yes.{KEPT}"
    assert load_persona(making.persona).card.description == "Mara keeps a light."


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize(
    ("room", "unwritten", "done"),
    [
        (2_000, "/messages.jsonl", []),
        (30_000, "/runs/0001/first", ["card.json", "work/messages.jsonl", "work/train.jsonl"]),
    ],
)
def test_a_disk_that_is_full_keeps_what_was_done_and_the_line_goes_on(
    making: EmptyFolder, room: int, unwritten: str, done: list[str]
) -> None:
    with file_limit(room):
        told = refused(making, *QUICK)
    assert told.startswith(f"{making.work}{unwritten}")
    assert " cannot be written: " in told
    kept = files(making.persona) if making.persona.exists() else {}
    assert [name for name in done if name not in kept] == []
    assert not [name for name in kept if name.endswith(".new")]
    assert refused(making, "--draft") == f"{NOBODY} --yes.{KEPT}"
    assert (making.work / "messages.jsonl").read_bytes().count(b"\n") == 96


def test_an_empty_folder_gets_settings_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALTEREGO_CONFIG", raising=False)
    (tmp_path / "empty.json").touch()
    assert main(["make", "empty.json", "--persona", "mara", "--yes"]) == 2
    told = capsys.readouterr()
    assert told.out.startswith(f"settings   {tmp_path / 'config.toml'} is new, with the base model ")
    assert told.err.startswith("training: empty.json is empty: export it again.")
    assert config.load_config(tmp_path / "config.toml", {}).personas == tmp_path / "personas"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "empty.json"]
