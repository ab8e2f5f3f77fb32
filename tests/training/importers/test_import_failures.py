"""`python -m training import` refuses bad input with one sentence, and a failed import changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS, ROOT
from training.store.message_store import MessageStore

HTML = {
    "telegram": (
        '<!DOCTYPE html>\n<html><body><div class="page_wrap">',
        "In Telegram Desktop choose Export chat history",
    ),
    "discord": ('<!DOCTYPE html><html><div class="chatlog__message">', "In DiscordChatExporter choose JSON"),
    "meta": (
        '<html><head></head><body><div class="_a6-g">',
        "In Meta's Download your information choose JSON",
    ),
    "any": ("<?xml version='1.0'?>\n<html>", "Export again, and choose JSON as the format"),
}


@pytest.mark.parametrize("text", HTML.values(), ids=HTML)
def test_a_page_for_people_is_refused_with_the_way_to_json(
    text: tuple[str, str], persona: PersonaFolder, tmp_path: Path
) -> None:
    path = tmp_path / "messages.html"
    path.write_text(text[0], encoding="utf-8")
    done = persona.run(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert text[1] in done.stderr


def test_the_page_of_an_archive_of_x_is_refused_with_what_to_import(
    persona: PersonaFolder, tmp_path: Path
) -> None:
    path = tmp_path / "Your archive.html"
    path.write_text("<!DOCTYPE html>\n<html><title>Your archive</title>", encoding="utf-8")
    done = persona.run(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "only shows X's archive: import the zip, or the folder that the page lies in." in done.stderr


COMPLAINTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty: export it again."),
    "white": (b" \n ", "is empty: export it again."),
    "no export": (b"dear diary", "holds no export that is known: `python -m training formats` lists"),
    "truncated": (
        (EXPORTS / "telegram/single.json").read_bytes()[:900],
        "ends in the middle: export or copy it again.",
    ),
    "wrong encoding": (
        (EXPORTS / "telegram/single.json").read_bytes().replace(b"harbour", b"harb\xf6ur"),
        "is not valid JSON in line ",
    ),
    "an ambiguous date": (
        b"3/4/20, 10:00 - Ana: one\n3/4/20, 10:01 - Bo: two\n",
        "is 3/4/20 day or month first? Say --dates",
    ),
    "another table": (
        b"Comment ID,Channel ID,Comment Create Timestamp,Comment Text\n1,2,3,x\n",
        "holds no export",
    ),
    "no message": (
        b'{"type": "bot_chat", "id": 1, "messages": [{"id": 1, "text": "x", "from_id": "user1"}]}',
        "There is no message in",
    ),
}


@pytest.mark.parametrize(("data", "sentence"), COMPLAINTS.values(), ids=COMPLAINTS)
def test_bad_input_gets_one_sentence(
    data: bytes, sentence: str, persona: PersonaFolder, tmp_path: Path
) -> None:
    path = tmp_path / "export"
    path.write_bytes(data)
    done = persona.run(path, me="Ana")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sentence in done.stderr
    assert str(path) in done.stderr
    assert not persona.file.exists()


def test_paths_that_do_not_exist_and_unknown_personas_are_named(persona: PersonaFolder) -> None:
    assert "There is nothing at /nowhere: check the path" in persona.run("/nowhere").stderr
    done = persona.run(EXPORTS / "slack", persona="nobody")
    assert (done.returncode, "There is no persona 'nobody'" in done.stderr) == (2, True)


def test_one_bad_file_among_good_ones_changes_nothing(persona: PersonaFolder, tmp_path: Path) -> None:
    persona.json(EXPORTS / "slack", me="U1")
    before = persona.file.read_bytes()
    broken = tmp_path / "result.json"
    broken.write_bytes((EXPORTS / "telegram/full.json").read_bytes()[:-40])
    assert persona.run(EXPORTS / "x/manifest", broken).returncode == 2
    assert persona.file.read_bytes() == before
    assert persona.files() == ["messages.jsonl", "selves.json"]


def test_what_a_killed_import_left_is_cleared_away(persona: PersonaFolder) -> None:
    persona.work.mkdir()
    (persona.work / "messages.jsonl.new").write_bytes(b"half a li")
    persona.json(EXPORTS / "slack", me="U1")
    assert persona.files() == ["messages.jsonl", "selves.json"]


def test_two_imports_at_once_are_not_mixed(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "slack", me="U1")
    with MessageStore(persona.work):
        done = persona.run(EXPORTS / "telegram/full.json")
    assert (done.returncode, "is being written by another command" in done.stderr) == (2, True)


def test_a_full_disk_changes_nothing(persona: PersonaFolder, tmp_path: Path) -> None:
    persona.json(EXPORTS / "slack", me="U1")
    before = persona.file.read_bytes()
    code = (
        "import resource, sys; from training.__main__ import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); sys.exit(main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", code, *persona.arguments(EXPORTS / "telegram/full.json")]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "cannot be written: File too large" in done.stderr) == (2, True), done.stderr
    assert persona.file.read_bytes() == before
    assert persona.files() == ["messages.jsonl", "selves.json"]


def test_a_damaged_file_of_messages_is_named(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "slack", me="U1")
    persona.file.write_bytes(persona.file.read_bytes()[:-9])
    done = persona.run(EXPORTS / "telegram/full.json")
    told = [word in done.stderr for word in (f"{persona.file}, line ", "is damaged (column ")]
    assert (done.returncode, told) == (2, [True, True])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(persona: PersonaFolder) -> None:
    persona.work.mkdir()
    persona.work.chmod(0o500)
    assert "cannot be written" in persona.run(EXPORTS / "slack", me="U1").stderr


def test_without_its_libraries_it_says_how_to_install_them() -> None:
    code = "import sys; sys.modules['msgspec'] = None; import training.__main__"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == "training: msgspec is not installed: run `pip install '.[train]'`.\n"
    assert done.returncode == 2
