"""The names of a forgotten person are replaced in what others say, and no file has them."""

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.persona.persona import load_persona
from tests.fixtures.training_messages import said
from tests.training.commands.conftest import TALK, keep
from training.__main__ import main
from training.scrub.detectors.span import KnownPerson
from training.scrub.forgotten import ForgottenNames, hash_name
from training.scrub.scrubber import Scrubber
from training.store.forgotten_names import add_forgotten_names
from training.store.lineage import Pseudonyms
from training.store.message_store import MessageStore
from training.store.scrubbing import open_scrubber

OTHERS = [
    *TALK,
    said(10, "Mara", "ask Jasperine, or Jasperine Quillfeather's aunt", author="1"),
    said(11, "Ana", "quillfeather it is, and 欧阳娜娜 and 小娜 too", author="17"),
    said(12, "Ana", "Will is late, and it will rain", author="17"),
]
FORGOTTEN = [
    said(20, "Jasperine Quillfeather", "the ice is thin", author="21"),
    said(21, "Jas Will", "the ice is thick", author="21"),
    said(22, "欧阳娜娜", "the ice is gone", author="21"),
]
FORGET = ("forget", "test/21", "--persona", "mara")
WHOLE_NAMES = ("jasperine", "quillfeather", "欧阳娜娜", "小娜")


def scrubbed(folder: Path) -> str:
    return (folder / "work/scrubbed.jsonl").read_text()


def scrubbed_anew(folder: Path) -> str:
    assert main(("build", "--persona", "mara")) == 0
    return scrubbed(folder)


@pytest.fixture
def forgotten(folder: Path) -> Path:
    keep(folder, [*FORGOTTEN, *OTHERS])
    assert main(("build", "--persona", "mara")) == 0
    assert main(FORGET) == 0
    return folder


def test_a_forgotten_persons_names_are_replaced_in_what_others_say(forgotten: Path) -> None:
    text = scrubbed(forgotten)
    assert text.count("aunt") == 1
    assert not [name for name in WHOLE_NAMES if name in text.casefold()]
    assert "it will rain" in text


def test_a_name_that_is_an_ordinary_word_is_replaced_where_it_is_a_name(forgotten: Path) -> None:
    assert "is late, and it will rain" in scrubbed(forgotten)
    assert "Will is late" not in scrubbed(forgotten)


def test_a_person_keeps_one_invented_name_in_all_forms(forgotten: Path, folder: Path) -> None:
    scrubber = open_scrubber(forgotten / "work", load_persona(folder))
    named = {scrubber.scrub(f"hey {name}!").text for name in ("Jasperine", "Quillfeather", "Jas")}
    assert len(named) == 1
    assert not named & {"hey someone!", "hey […]!"}
    text = named.pop()
    assert scrubber.scrub(text).text == text


def test_neither_the_data_nor_the_hashes_hold_the_names(forgotten: Path) -> None:
    work = forgotten / "work"
    made = ("scrubbed.jsonl", "train.jsonl", "held.jsonl", "data.json", "forgotten.json", "optouts.txt")
    words = "".join((work / name).read_text() for name in made).casefold()
    assert not [name for name in WHOLE_NAMES if name in words]
    assert stat.S_IMODE((work / "forgotten.json").stat().st_mode) == 0o600


def test_a_kill_between_hashes_and_messages_loses_no_name(folder: Path) -> None:
    keep(folder, [*FORGOTTEN, *OTHERS])
    pseudonym = Pseudonyms(folder / "work").of("test", "21")
    for _ in range(2):
        add_forgotten_names(folder / "work", {pseudonym: ["Jasperine"]})
    assert main(FORGET) == 0
    assert "quillfeather" not in scrubbed_anew(folder).casefold()


def test_the_names_under_which_who_opted_out_is_imported_again_are_replaced(folder: Path) -> None:
    (folder / "work/optouts.txt").write_text("test/21\n")
    with MessageStore(folder / "work") as store:
        store.note_refused_name("test", "21", "Jasperine Quillfeather")
    keep(folder, OTHERS)
    assert "quillfeather" not in scrubbed_anew(folder).casefold()


def test_an_import_of_who_opted_out_keeps_hashes_of_the_names(folder: Path, tmp_path: Path) -> None:
    chat = "[LINE] Chat history with Bo\nSaved on: 12/11/2025, 10:00\n\n2025.12.10 Wednesday\n"
    export = tmp_path / "chat.txt"
    export.write_text(f"{chat}10:05\tQuillfeather\tHello\n10:06\tMara\tI saw Quillfeather there\n")
    (folder / "work/optouts.txt").write_text("Quillfeather\n")
    assert main(("import", str(export), "--persona", "mara", "--me", "Mara")) == 0
    text = scrubbed_anew(folder)
    assert "I saw " in text
    assert "Quillfeather" not in text


def test_consent_is_stronger_than_a_shared_name(folder: Path) -> None:
    keep(folder, [said(1, "Jasperine", "hello", author="30"), *FORGOTTEN, *OTHERS])
    (folder / "work/consent.txt").write_text("test/30\n")
    assert main(FORGET) == 0
    text = scrubbed_anew(folder)
    assert "ask Jasperine, or " in text
    assert "Quillfeather" not in text


def test_damaged_hashes_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "work/forgotten.json").write_text("{")
    assert main(("build", "--persona", "mara")) == 2
    assert "forgotten.json is damaged" in capsys.readouterr().err


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=60))
def test_a_forgotten_name_is_replaced_where_a_known_one_is(name: str, around: str) -> None:
    text = f"{around} {name} {around}"
    known = Scrubber(b"key", others=[KnownPerson("1", (name,))])
    hashed = Scrubber(b"key", forgotten=ForgottenNames(b"key", {"1": hash_name(b"key", name)}))
    found = [[(each.start, each.end) for each in made.scrub(text).found] for made in (known, hashed)]
    assert found[0] == found[1]
