"""Signal's own export: people and chats by ids that hold in every export, and whatever a line may be."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.signal_plaintext.people import account_id, number_of, read_person
from training.importers.reading.import_log import ImportLog
from training.store.messages import ExportedMessage

FILE = EXPORTS / "signal_plaintext/main.jsonl"
ANN = b64encode(bytes([2]) * 16).decode()
INFO = {"version": "1", "backupTimeMs": "1772361000000"}
PEOPLE: list[dict[str, Any]] = [
    {"recipient": {"id": "1", "self": {}}},
    {"recipient": {"id": "2", "contact": {"aci": ANN, "profileGivenName": "Ann"}}},
    {"chat": {"id": "1", "recipientId": "2"}},
]


def read(folder: Path, *frames: object, log: ImportLog | None = None) -> list[ExportedMessage]:
    path = folder / "main.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in (INFO, *PEOPLE, *frames)), encoding="utf-8")
    return list(registry.read_exports(path, log or ImportLog()))


def said(text: object = "tea", **fields: object) -> dict[str, Any]:
    item = {"chatId": "1", "authorId": "2", "dateSent": "1772359200000", "incoming": {}}
    return {"chatItem": {**item, "standardMessage": {"text": {"body": text}}, **fields}}


def test_own_messages_are_those_that_went_out() -> None:
    items = [json.loads(line).get("chatItem", {}) for line in FILE.read_text(encoding="utf-8").splitlines()]
    sent = [each["standardMessage"].get("text", {}).get("body", "") for each in items if "outgoing" in each]
    assert [each.text for each in registry.read_exports(FILE) if each.is_self] == sent


def test_each_item_is_kept_or_counted() -> None:
    log = ImportLog()
    kept = len(list(registry.read_exports(FILE, log)))
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert kept + log.skipped.total() == sum(line.startswith('{"chatItem"') for line in lines)


def test_people_are_the_same_under_the_numbers_of_another_export(tmp_path: Path) -> None:
    (one,) = read(tmp_path, said())
    again = {
        "recipient": {"id": "77", "contact": {"aci": ANN, "profileGivenName": "Ann"}},
    }
    chat = {"chat": {"id": "8", "recipientId": "77"}}
    (other,) = read(tmp_path, again, chat, said(chatId="8", authorId="77"))
    assert one == other


def test_a_message_keeps_its_id_and_time_when_it_is_edited(tmp_path: Path) -> None:
    (one,) = read(tmp_path, said("te"))
    revision = said("te")["chatItem"]
    (other,) = read(tmp_path, said("tea", dateSent="1772359299000", revisions=[revision]))
    assert ((other.id, other.time, other.text, other.edited)) == (one.id, one.time, "tea", True)


def test_the_key_of_a_group_is_not_kept(tmp_path: Path) -> None:
    group = {"recipient": {"id": "3", "group": {"masterKey": "c2VjcmV0", "snapshot": {}}}}
    (message,) = read(tmp_path, group, {"chat": {"id": "3", "recipientId": "3"}}, said(chatId="3"))
    assert "c2VjcmV0" not in repr(message)
    assert message.chat_kind == "group"


@pytest.mark.parametrize(
    ("recipient", "id", "name"),
    [
        ({"self": {}}, "me", "Mara"),
        ({"contact": {"aci": ANN}}, "02020202-0202-0202-0202-020202020202", ""),
        ({"contact": {"e164": "15550100001"}}, "+15550100001", ""),
        ({"contact": {"pni": ANN}}, "02020202-0202-0202-0202-020202020202", ""),
        ({"contact": {"aci": "x", "username": "ann.02"}}, "contact 5", "ann.02"),
        ({"contact": {"e164": "1", "systemGivenName": "Ann", "systemFamilyName": "Reed"}}, "+1", "Ann Reed"),
        ({"contact": {"e164": "1", "profileGivenName": "Ann", "nickname": {"given": "Anni"}}}, "+1", "Anni"),
        ({"contact": 7}, "contact 5", ""),
        ({}, "contact 5", ""),
    ],
)
def test_a_person_has_an_id_and_a_name(recipient: dict[str, Any], id: str, name: str) -> None:
    person = read_person({"id": "5", **recipient}, "Mara")
    assert (person.id, person.name) == (id, name or id)


@pytest.mark.parametrize(
    ("read_field", "value", "text"),
    [
        (number_of, "5", "5"),
        (number_of, 5, "5"),
        (number_of, 10**30, ""),
        (number_of, "9" * 5000, ""),
        (number_of, True, ""),
        (number_of, 5.0, ""),
        (number_of, None, ""),
        (account_id, "AA==", ""),
        (account_id, "é", ""),
        (account_id, 7, ""),
    ],
)
def test_a_field_of_another_type_is_none(
    read_field: Callable[[object], str], value: object, text: str
) -> None:
    assert read_field(value) == text


@pytest.mark.parametrize(
    "frame",
    [
        said(5),
        said(None),
        said(standardMessage=7),
        said(
            standardMessage={"text": {"body": "\ufffc", "bodyRanges": [7, {"mentionAci": 5, "start": "x"}]}}
        ),
        said(standardMessage={"attachments": [7, {"pointer": 7}, {"pointer": {"contentType": 5}}]}),
        said(standardMessage={"quote": {"targetSentTimestamp": None, "authorId": 2}, "text": {"body": "x"}}),
        said(revisions=[7]),
        said(revisions=7),
        said(dateSent="x"),
        said(dateSent="9" * 25),
        said(chatId=None),
        said(authorId=[]),
        {"chat": {"id": None}},
        {"recipient": {}},
        {"account": {}},
        {"frame of 2030": {}},
        {},
    ],
)
def test_a_frame_of_other_types_is_no_traceback(frame: dict[str, Any], tmp_path: Path) -> None:
    assert len(read(tmp_path, frame, said("tea", dateSent="1772359299000"))) in (1, 2)


@pytest.mark.parametrize("line", ["[]", "7", '{"chatItem": 7}', "{", '{"chatItem": {"chatId": "1"'])
def test_a_broken_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    path.write_text(json.dumps(INFO) + "\n" + line, encoding="utf-8")
    with pytest.raises(UserError, match=r"main\.jsonl, line 2, cannot be read \(.*\): export it again\."):
        list(registry.read_exports(path))
