"""`python -m training import` finds out who the persona is: from --me, the export, or a question."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS


def test_who_the_persona_was_is_remembered(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "discord_exporter/guild.json", me="Ana Reed")
    assert persona.json(EXPORTS / "discord_exporter/thread.json")["me"] == {"discord": ["100"]}
    assert persona.own_ids() == {"100"}


def test_without_a_terminal_it_asks_by_listing_the_candidates(persona: PersonaFolder) -> None:
    done = persona.run(EXPORTS / "discord_exporter/guild.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "training: Who is the persona on discord? Say --me with a name or an id: "
        "there are Ana Reed (100), Bo (101).\n"
    )
    assert not persona.file.exists()


def test_a_name_that_is_nobodys_lists_who_there_is(persona: PersonaFolder) -> None:
    done = persona.run(EXPORTS / "discord_exporter/guild.json", me="Cy")
    assert done.returncode == 2
    assert "Nobody in these exports is 'Cy': there are Ana Reed (100), Bo (101)." in done.stderr


@pytest.mark.parametrize("me", ["100", "ana reed", "Ana Reed"])
def test_me_is_a_name_or_an_id(me: str, persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "discord_exporter/guild.json", me=me)
    assert persona.own_ids() == {"100"}


def test_a_person_may_be_chosen_whom_the_export_does_not_mean(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "telegram/full.json", me="Bo")
    assert persona.own_ids() == {"user2"}


@pytest.mark.parametrize("answer", ["2", "Bo", "101"])
def test_on_a_terminal_it_asks_once(
    answer: str, persona: PersonaFolder, start_import: Callable[..., Any]
) -> None:
    child = start_import(EXPORTS / "discord_exporter/guild.json")
    child.expect("Who is the persona on discord")
    child.expect("Number, name or id: ")
    child.sendline(answer)
    child.expect("Next: python -m training build")
    child.expect(pexpect.EOF)
    child.wait()
    assert persona.own_ids() == {"101"}


def test_an_answer_that_is_nobody_changes_nothing(
    persona: PersonaFolder, start_import: Callable[..., Any]
) -> None:
    child = start_import(EXPORTS / "discord_exporter/guild.json")
    child.expect("Number, name or id: ")
    child.sendline("9")
    child.expect("'9' is none of them")
    child.expect(pexpect.EOF)
    child.wait()
    assert (child.exitstatus, persona.file.exists()) == (2, False)


def test_no_answer_changes_nothing(persona: PersonaFolder, start_import: Callable[..., Any]) -> None:
    child = start_import(EXPORTS / "discord_exporter/guild.json")
    child.expect("Number, name or id: ")
    child.sendeof()
    child.expect("'' is none of them")
    child.expect(pexpect.EOF)
    child.wait()
    assert (child.exitstatus, persona.file.exists()) == (2, False)


def test_an_earlier_account_stays_the_personas_own(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "discord_exporter/direct.json", me="100")
    persona.json(EXPORTS / "discord_exporter/thread.json", EXPORTS / "discord_exporter/raw.json")
    persona.json(EXPORTS / "discord_exporter/guild.json", me="101")
    assert persona.own_ids() == {"100", "101"}


def test_someone_elses_archive_is_told_by_its_owner(persona: PersonaFolder, tmp_path: Path) -> None:
    persona.json(EXPORTS / "x/gdpr")
    shutil.copytree(EXPORTS / "x/gdpr", tmp_path / "theirs")
    account = tmp_path / "theirs/account.js"
    account.write_text(account.read_text().replace('"900"', '"901"').replace("Moss", "Reed"))
    before = persona.file.read_bytes()
    done = persona.run(tmp_path / "theirs")
    assert done.returncode == 2
    assert "This export belongs to Reed (901), but so far the persona's x messages are by 900" in done.stderr
    assert persona.file.read_bytes() == before
    assert persona.run(tmp_path / "theirs", me="901").returncode == 0


def test_another_person_is_chosen_later_without_writing_messages_anew(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "telegram/full.json")
    before = persona.file.read_bytes()
    assert persona.own_ids() == {"user1"}
    persona.json(EXPORTS / "telegram/full.json", me="Bo")
    assert persona.own_ids() == {"user1", "user2"}
    assert persona.file.read_bytes() == before
