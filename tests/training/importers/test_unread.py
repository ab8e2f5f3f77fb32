"""The summary of an import tells which files beside the exports were not read, and why."""

import json
import shutil
from pathlib import Path

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS


def notes(persona: PersonaFolder, folder: Path) -> list[str]:
    shutil.copy(EXPORTS / "telegram/full.json", folder / "result.json")
    found: list[str] = persona.json(folder)["notes"]
    return [note for note in found if "persona is" not in note]


def test_files_that_look_like_words_are_named_with_the_reason(persona: PersonaFolder, tmp_path: Path) -> None:
    folder = tmp_path / "download"
    folder.mkdir()
    (folder / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    (folder / "diary.txt").write_text("dear diary")
    (folder / "set.json").write_text(json.dumps([{"conversations": [{"from": "human", "says": "hi"}]}]))
    (folder / "z.txt").write_text("more")
    assert notes(persona, folder) == [
        "Not read, 4 files: a.7z is an archive: unpack it, and import what it holds; diary.txt is a text "
        "that no format knows: --as facts or --as posts reads it as the persona's own; set.json is nearest "
        'to ShareGPT, but has no "value"; and 1 more.'
    ]


def test_companions_of_a_download_are_a_count(persona: PersonaFolder, tmp_path: Path) -> None:
    folder = tmp_path / "download"
    folder.mkdir()
    for name in ("README.txt", "index.html", "manifest.json", "profile.json"):
        (folder / name).write_text('{"size": 7}' if name.endswith("json") else "<!DOCTYPE html><html>")
    assert notes(persona, folder) == ["4 other files of the download hold no messages that are known."]


def test_a_single_companion_is_one_file(persona: PersonaFolder, tmp_path: Path) -> None:
    folder = tmp_path / "download"
    folder.mkdir()
    (folder / "profile.json").write_text('{"size": 7}')
    assert notes(persona, folder) == ["1 other file of the download holds no messages that are known."]


def test_an_export_alone_has_no_such_note(persona: PersonaFolder, tmp_path: Path) -> None:
    folder = tmp_path / "download"
    folder.mkdir()
    assert notes(persona, folder) == []
