"""`python -m training import` finds out who the persona is: from --me, the export, or a question."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS

QUESTION = r"Number, name or id \(several"
CHAT = """\
[2024-03-01, 10:00:00] Ana Ruiz: is the boat back
[2024-03-01, 10:01:00] Ben Carter: since noon
[2024-03-01, 10:02:00] Ana Ruiz: good
"""


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
def test_on_a_terminal_it_asks(answer: str, persona: PersonaFolder, start_import: Callable[..., Any]) -> None:
    child = start_import(EXPORTS / "discord_exporter/guild.json")
    child.expect("Who is the persona on discord")
    child.expect(QUESTION)
    child.sendline(answer)
    child.expect("Next: python -m training build")
    child.expect(pexpect.EOF)
    child.wait()
    assert persona.own_ids() == {"101"}


def test_an_answer_that_is_nobody_changes_nothing(
    persona: PersonaFolder, start_import: Callable[..., Any]
) -> None:
    child = start_import(EXPORTS / "discord_exporter/guild.json")
    for _ in range(3):
        child.expect(QUESTION)
        child.sendline("9")
    child.expect("'9' is none of them: import again")
    child.expect(pexpect.EOF)
    child.wait()
    assert (child.exitstatus, persona.file.exists()) == (2, False)


def test_no_answer_changes_nothing(persona: PersonaFolder, start_import: Callable[..., Any]) -> None:
    child = start_import(EXPORTS / "discord_exporter/guild.json")
    child.expect(QUESTION)
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
    persona.json("--me-anew", EXPORTS / "telegram/full.json", me="Bo")
    assert persona.own_ids() == {"user2"}
    assert persona.file.read_bytes() == before


def chat(tmp_path: Path) -> Path:
    path = tmp_path / "chat.txt"
    path.write_text(CHAT, encoding="utf-8")
    return path


def test_both_sides_of_a_direct_chat_are_not_made_the_persona(persona: PersonaFolder, tmp_path: Path) -> None:
    persona.json(chat(tmp_path), me="Ana Ruiz")
    done = persona.run(chat(tmp_path), me="Ben Carter")
    assert (done.returncode, done.stdout, persona.own_ids()) == (2, "", {"Ana Ruiz"})
    assert "So far the persona on whatsapp is Ana Ruiz (work/selves.json), and with Ben Carter" in done.stderr
    assert "import with --me-anew to put Ben Carter in that place" in done.stderr
    persona.json("--me-anew", chat(tmp_path), me="Ben Carter")
    assert persona.own_ids() == {"Ben Carter"}


def test_both_sides_of_a_direct_chat_may_be_said_to_be_one_person(
    persona: PersonaFolder, tmp_path: Path
) -> None:
    persona.json(chat(tmp_path), me="Ana Ruiz")
    persona.json("--me", "Ben Carter", chat(tmp_path), me="Ana Ruiz")
    assert persona.own_ids() == {"Ana Ruiz", "Ben Carter"}


def test_a_name_anew_needs_a_name(persona: PersonaFolder, tmp_path: Path) -> None:
    done = persona.run("--me-anew", chat(tmp_path))
    assert done.stderr == "training: --me-anew needs --me: say who the persona is from now on.\n"


def test_an_author_with_the_personas_name_is_the_persona(persona: PersonaFolder, tmp_path: Path) -> None:
    name_card(persona, "Ben Carter")
    summary = persona.json(chat(tmp_path))
    assert summary["notes"] == ["On whatsapp the persona is Ben Carter, who has the persona's name."]
    assert persona.own_ids() == {"Ben Carter"}


def test_an_owner_is_told_as_the_reason(persona: PersonaFolder) -> None:
    notes = persona.json(EXPORTS / "telegram/full.json")["notes"]
    assert "On telegram the persona is Ana Reed (user1), whose export this is." in notes


def test_an_owner_is_not_taken_where_another_has_the_personas_name(persona: PersonaFolder) -> None:
    name_card(persona, "Bo")
    done = persona.run(EXPORTS / "telegram/full.json")
    assert (done.returncode, done.stdout, persona.file.exists()) == (2, "", False)
    assert done.stderr == (
        "training: The export of telegram belongs to Ana Reed (user1), but the persona has the name of "
        "Bo (user2): say --me user2 or --me user1.\n"
    )
    assert persona.run(EXPORTS / "telegram/full.json", me="user1").returncode == 0


def test_the_owners_of_two_exports_are_not_joined_silently(persona: PersonaFolder) -> None:
    paths = EXPORTS / "telegram/full.json", EXPORTS / "x/gdpr"
    done = persona.run(*paths, me="Bo")
    assert (done.returncode, persona.file.exists()) == (2, False)
    assert "but on telegram --me chooses Bo (user2) instead of its owner: say --me 900 as well" in done.stderr
    assert persona.run("--me", "900", *paths, me="Bo").returncode == 0


def test_a_wrong_answer_is_asked_again_and_several_numbers_are_one_person(
    persona: PersonaFolder, start_import: Callable[..., Any]
) -> None:
    child = start_import(EXPORTS / "discord_exporter/guild.json")
    child.expect(QUESTION)
    child.sendline("9")
    child.expect("'9' is none of them")
    child.expect(QUESTION)
    child.sendline("1 2")
    child.expect("Next: python -m training build")
    child.expect(pexpect.EOF)
    child.wait()
    assert persona.own_ids() == {"100", "101"}


def test_who_asks_in_a_data_set_is_never_offered(persona: PersonaFolder, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text('[{"conversations": [{"from": "human", "value": "where is the boat"}]}]')
    done = persona.run(path)
    assert done.stderr == (
        "training: There are questions only in the data set (sharegpt), and no answer to learn from.\n"
    )


def test_a_turn_whose_keys_are_unknown_is_told(persona: PersonaFolder, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    turns = [
        {"from": "human", "value": "so?"},
        {"from": "gpt", "value": "yes"},
        {"speaker": "gpt", "msg": "x"},
    ]
    path.write_text(json.dumps([{"conversations": turns}]))
    summary = persona.json(path)
    assert summary["skipped"] == {"turns whose words stand under no known key": 1}
    assert summary["notes"] == ["No words are known in turns with the keys 'msg', 'speaker'."]


def name_card(persona: PersonaFolder, name: str) -> None:
    folder = persona.work.parent
    (folder / "card.json").write_text(json.dumps({"name": name}), encoding="utf-8")
    (folder / "persona.toml").touch()
