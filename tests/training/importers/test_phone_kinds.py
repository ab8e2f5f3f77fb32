"""The kinds of records in the formats of phones: each is of the list, or is counted by name without words."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from training.importers import registry
from training.importers.chats.imessage import database as imessage
from training.importers.chats.imessage import text_body
from training.importers.chats.signal_plaintext import export as signal_plaintext
from training.importers.chats.sigtop import records as sigtop
from training.importers.chats.sms_backup import records as sms_backup
from training.importers.reading.import_log import ImportLog
from training.importers.reading.record_kinds import RECORD_KINDS

TABLES: dict[str, Mapping[Any, str]] = {
    "iMessage, events": imessage._EVENTS,
    "iMessage, apps": imessage._BALLOONS,
    "imessage-exporter": text_body._RECORDS,
    "Signal's own export": signal_plaintext._ITEMS,
    "sigtop": sigtop.TYPES,
    "SMS Backup & Restore": sms_backup._MMS_TYPES,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_reader_maps_to_kinds_of_the_list(name: str) -> None:
    assert {*TABLES[name].values()} <= {*RECORD_KINDS}


def sigtop_type(folder: Path) -> None:
    message = {"conversationId": "c", "type": "type 777", "sent_at": 1680343201000, "body": "x"}
    (folder / "Ann (+1).json").write_text(json.dumps([message]), encoding="utf-8")


def signal_type(folder: Path) -> None:
    item = {"chatId": "1", "authorId": "1", "dateSent": "1680343201000", "type 777": {"text": "x"}}
    frames = [
        {"version": "1", "backupTimeMs": "1680343201000"},
        {"recipient": {"id": "1", "contact": {"e164": "1"}}},
        {"chat": {"id": "1", "recipientId": "1"}},
        {"chatItem": item},
    ]
    (folder / "main.jsonl").write_text("\n".join(map(json.dumps, frames)), encoding="utf-8")


@pytest.mark.parametrize("write", [sigtop_type, signal_type])
def test_an_unknown_kind_is_counted_by_its_name_and_has_no_words(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    log = ImportLog()
    write(tmp_path)
    (message,) = registry.read_exports(tmp_path, log)
    assert (message.text, message.kind, log.unknown) == ("", "other", {"type 777": 1})
