"""Snapchat's chats: shapes, kinds and times."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from tests.training.importers.fixtures import read_fixture
from training.importers import registry
from training.importers.reading.import_log import ImportLog

TEXT = {"From": "bo", "Media Type": "TEXT", "Created": "2024-01-15 10:00:00 UTC", "Content": "tea"}
SECOND = 1_705_312_800


def write(folder: Path, root: object) -> Path:
    (folder / "chat_history.json").write_text(json.dumps(root), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("fields", "kept", "skipped"),
    [
        ({}, [("text", "tea")], {}),
        ({"Media Type": "MEDIA"}, [("image", "")], {}),
        ({"Media Type": "NOTE"}, [("audio", "")], {}),
        ({"Media Type": "SHARE"}, [("other", "")], {}),
        ({"Media Type": "STATUSCALLENDEDVIDEO"}, [("notice", "")], {}),
        ({"Media Type": "STATUSCONVERSATIONCAPTURESCREENSHOT"}, [("notice", "")], {}),
        ({"Media Type": "STATUSERASEDSNAPMESSAGE"}, [], {"deleted by their author": 1}),
        ({"Media Type": "NONPARTICIPANTBOTRESPONSE"}, [], {"written by bots": 1}),
        ({"Media Type": "MAPREACTION"}, [], {"reactions": 1}),
        ({"Created": "tomorrow"}, [], {"without a date": 1}),
        ({"Content": 5}, [], {"unreadable": 1}),
    ],
)
def test_a_record_is_of_its_kind(
    fields: dict[str, Any], kept: list[tuple[str, str]], skipped: dict[str, int], tmp_path: Path
) -> None:
    log = ImportLog()
    messages = registry.read_exports(write(tmp_path, {"bo": [{**TEXT, **fields}]}), log)
    assert ([(each.kind, each.text) for each in messages], dict(log.skipped)) == (kept, skipped)


@pytest.mark.parametrize(
    ("number", "time"),
    [
        (SECOND * 1000 + 250, SECOND + 0.25),
        (SECOND * 1_000_000, SECOND),
        (None, SECOND),
        (0, SECOND),
    ],
)
def test_the_size_of_the_number_tells_its_unit(number: float | None, time: float, tmp_path: Path) -> None:
    (message,) = registry.read_exports(write(tmp_path, {"bo": [{**TEXT, "Created(microseconds)": number}]}))
    assert message.time == time


def test_every_record_of_the_old_lists_is_read() -> None:
    path = EXPORTS / "snapchat/old/json/chat_history.json"
    lists = json.loads(path.read_text(encoding="utf-8"))
    messages = read_fixture("snapchat/old")
    assert len(messages) == sum(map(len, lists.values()))
    sent = [each for name, found in lists.items() if name.startswith("Sent") for each in found]
    assert sum(each.is_self is True for each in messages) == len(sent)


def test_an_account_without_chats_has_no_message(tmp_path: Path) -> None:
    account = (EXPORTS / "snapchat/new/json/account.json").read_bytes()
    (tmp_path / "account.json").write_bytes(account)
    assert list(registry.read_exports(tmp_path)) == []


def test_snaps_have_no_words(tmp_path: Path) -> None:
    snaps = (EXPORTS / "snapchat/new/json/snap_history.json").read_bytes()
    (tmp_path / "snap_history.json").write_bytes(snaps)
    with pytest.raises(UserError, match="is nearest to an export of Snapchat, but has no"):
        registry.find_exports(tmp_path)


def test_the_owner_need_not_be_asked(persona: PersonaFolder) -> None:
    assert persona.json(EXPORTS / "snapchat/new")["me"] == {"snapchat": ["ana.quay"]}
