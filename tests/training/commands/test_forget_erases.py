"""The command forget leaves no byte of the words, whatever ends it and whenever."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.fixtures.kill_points import killed_at
from tests.fixtures.training_messages import said
from tests.training.commands.conftest import TALK, keep
from training.__main__ import main
from training.dataset.staleness import changed_files
from training.dataset.workspace import read_build_record
from training.runs.folders import run_lock
from training.store.message_store import MessageStore, read_messages, work_lock

MARK = "quincunx"
WORDS = [
    *TALK,
    *(said(10 + n, "Cy", f"the {MARK} number {n}?", author="21") for n in range(0, 20, 2)),
    *(said(11 + n, "Mara", f"yes, number {n} it is", author="1") for n in range(0, 20, 2)),
]
FORGET = ("forget", "Cy", "--persona", "mara")
DRAFTS = ("train.jsonl.new", "messages.jsonl.new", "scrub-review.txt.new", "encoded/train-0.jsonl.new")


@pytest.fixture
def built(folder: Path) -> Path:
    """Data, reports, and drafts that killed commands left, all with the mark."""
    keep(folder, sorted(WORDS, key=lambda message: message.time))
    assert main(("build", "--persona", "mara")) == 0
    for name in ("report.html", "report.json", *DRAFTS):
        (folder / "work" / name).write_text(MARK)
    return folder


def marked(folder: Path) -> set[str]:
    """The names of all files with the mark."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.name for path in files if MARK.encode() in path.read_bytes()}


def restore(folder: Path, files: dict[Path, bytes]) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.unlink()
    for path, content in files.items():
        path.write_bytes(content)


def test_killed_at_any_change_of_a_file_the_same_command_erases_the_rest(built: Path) -> None:
    assert {"messages.jsonl", "scrubbed.jsonl", "train.jsonl", "report.html"} <= marked(built)
    files = {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    change, killed = 0, True
    while killed:
        restore(built, files)
        killed = killed_at(change, built, partial(main, FORGET))
        if "messages.jsonl" not in marked(built):
            assert not marked(built), f"left by a kill before change {change}"
        if killed and (built / "work/forgetting.json").exists() | ("messages.jsonl" in marked(built)):
            assert main(FORGET) == 0
        assert not marked(built)
        assert not changed_files(built / "work", read_build_record(built / "work").hashes)
        assert (built / "work/train.jsonl").stat().st_size
        assert not (built / "work/forgetting.json").exists()
        change += 1
    assert change > 25


def test_a_rebuild_that_fails_is_told_and_the_words_are_gone(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = built / "card.json"
    content = card.read_bytes()
    card.write_text("{")
    assert main(FORGET) == 2
    told = capsys.readouterr().err
    assert "mara: 10 messages of Cy erased" in told
    assert "the data that were made of them are erased too, but were not built again" in told
    assert not marked(built)
    card.write_bytes(content)
    assert main(FORGET) == 0
    assert "mara: 0 messages of Cy erased\nthe data were built again" in capsys.readouterr().out


def test_leftovers_of_a_rebuild_that_failed_in_an_earlier_version_go(built: Path) -> None:
    keep(built, [message for message in WORDS if message.author != "21"])
    assert main(("forget", "test/21", "--persona", "mara")) == 0
    assert not marked(built)
    assert (built / "work/train.jsonl").stat().st_size


def change_messages(work: Path) -> None:
    keep(work.parent, TALK)


def opt_out(work: Path) -> None:
    (work / "optouts.txt").write_text("test/21\n")


def opt_out_of_an_old_build(work: Path) -> None:
    """The records of version 0.1.0 have no hash of optouts.txt."""
    record = json.loads((work / "data.json").read_text())
    kept = {"messages.jsonl", "train.jsonl", "held.jsonl"}
    record["hashes"] = {name: found for name, found in record["hashes"].items() if name in kept}
    (work / "data.json").write_text(json.dumps(record))
    opt_out(work)


def replace_more_words(work: Path) -> None:
    (work / "words.txt").write_text("number\n")


def add_document(work: Path) -> None:
    (work.parent / "documents").mkdir()
    (work.parent / "documents/me.txt").write_text("I keep a light.")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (change_messages, "messages.jsonl"),
        (opt_out, "optouts.txt"),
        (opt_out_of_an_old_build, "optouts.txt"),
        (replace_more_words, "words.txt"),
        (add_document, "documents"),
    ],
)
@pytest.mark.parametrize("command", ["train", "preview"])
def test_stale_data_are_refused_with_the_command_that_helps(
    command: str,
    change: Callable[[Path], None],
    named: str,
    built: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(built / "work")
    assert main((command, "--persona", "mara")) == 2
    told = capsys.readouterr().err
    assert f"are stale, since {named} changed after they were built" in told
    assert "python -m training build --persona mara" in told


def test_data_without_their_messages_are_not_stale(built: Path) -> None:
    (built / "work/messages.jsonl").unlink()
    assert main(("preview", "--persona", "mara")) == 0


@pytest.mark.parametrize("command", [("build",), FORGET[:2]])
def test_no_command_writes_words_while_another_has_the_lock(
    command: tuple[str, ...], built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (built / "work/encoded").iterdir():
        path.unlink()
    with work_lock(built / "work"):
        assert main((*command, "--persona", "mara")) == 2
    assert "is being written by another command: wait until it is done" in capsys.readouterr().err


def test_a_run_under_way_is_ended_before_its_words_are_forgotten(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_lock(built / "work"):
        assert main(FORGET) == 2
    assert "Another run is under way" in capsys.readouterr().err


def test_an_import_brings_nobody_back(built: Path) -> None:
    assert main(FORGET) == 0
    with MessageStore(built / "work") as store:
        assert store.refuses("test", "21")
        assert not store.refuses("test", "17")


def test_a_failure_in_one_persona_is_the_exit_code_of_all(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (built / "card.json").write_text("{")
    other = built.with_name("ozzo")
    (other / "work").mkdir(parents=True)
    keep(other, WORDS)
    assert main(("forget", "Cy", "--all")) == 2
    assert "ozzo: 10 messages of Cy erased" in capsys.readouterr().err
    assert all(message.author != "21" for message in read_messages(other / "work/messages.jsonl"))
