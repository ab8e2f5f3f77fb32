"""Discord History Tracker: each version of its database, and what DiscordChatExporter has as well."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.complexity.documents import chat_formats, server_formats
from tests.complexity.documents.hostile_chats import Chat, Said
from tests.paths import EXPORTS
from tests.training.importers.test_known_again import import_all, write
from training.importers import registry
from training.importers.chats.discord_history import export as discord_history
from training.importers.reading.archive import list_sources
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Meter

FIXTURES = EXPORTS / "discord_history"


@pytest.mark.parametrize("name", ["v11.dht", "v5.dht", "v1.dht"])
def test_every_message_of_a_database_is_taken_or_counted(name: str) -> None:
    with closing(sqlite3.connect(FIXTURES / name)) as database:
        rows = database.execute("SELECT count(*) FROM messages").fetchone()[0]
    log = ImportLog()
    assert len(list(registry.read_exports(FIXTURES / name, log))) + log.skipped.total() == rows


def test_every_message_of_the_json_is_taken_or_counted() -> None:
    data = json.loads((FIXTURES / "legacy.json").read_text(encoding="utf-8"))["data"]
    log = ImportLog()
    taken = list(registry.read_exports(FIXTURES / "legacy.json", log))
    assert len(taken) + log.skipped.total() == sum(map(len, data.values()))


def test_a_message_of_both_exporters_is_one_message(tmp_path: Path) -> None:
    chat = Chat((Said(0, "hello"), Said(1, "so", 1), Said(0, "and again")))
    exported = write(tmp_path / "exporter", chat_formats.discord_exporter(chat))
    tracked = write(
        tmp_path / "tracker", server_formats.discord_history(Chat((*chat.messages, Said(1, "yes"))))
    )
    assert import_all(tmp_path / "work", exported, tracked) == (1, 3, 0)
    assert import_all(tmp_path / "other", tracked, exported) == (0, 3, 0)


def test_each_version_and_the_json_hold_one_chat(tmp_path: Path) -> None:
    paths = [FIXTURES / name for name in ("v11.dht", "legacy.json", "v5.dht", "v1.dht")]
    import_all(tmp_path / "work", paths[0])
    assert import_all(tmp_path / "work", *paths)[0] == 0


def tracked(folder: Path, **message: Any) -> tuple[list[str], dict[str, int]]:
    """Read the JSON of one message with these keys; return the texts and the counts."""
    meta = {"users": {"1": {"name": "ana"}}, "userindex": ["1"], "servers": [], "channels": {"7": {}}}
    document = {"meta": meta, "data": {"7": {"5": {"u": 0, "t": 1704189600123, "m": "tea", **message}}}}
    (folder / "a.json").write_text(json.dumps(document), encoding="utf-8")
    log = ImportLog()
    return [each.text for each in registry.read_exports(folder / "a.json", log)], dict(log.skipped)


@pytest.mark.parametrize(
    ("message", "texts", "skipped"),
    [
        ({}, ["tea"], {}),
        ({"r": 5, "te": 1704189600125}, ["tea"], {}),
        ({"u": 1}, [], {"unreadable": 1}),
        ({"u": "0"}, [], {"unreadable": 1}),
        ({"m": None}, [], {"unreadable": 1}),
        ({"t": 10**400}, [], {"unreadable": 1}),
        ({"t": 0}, ["tea"], {}),
        ({"t": -1}, [], {"without a date": 1}),
        ({"a": [{"url": 5}]}, [], {"unreadable": 1}),
    ],
)
def test_a_message_of_another_shape_is_counted(
    message: dict[str, Any], texts: list[str], skipped: dict[str, int], tmp_path: Path
) -> None:
    assert tracked(tmp_path, **message) == (texts, skipped)


@pytest.mark.parametrize(
    "part",
    [
        {"data": 5},
        {"data": {"7": []}},
        {"meta": 5},
        {"meta": {"users": [], "userindex": {}, "servers": 5, "channels": {"7": {"server": "x"}}}},
    ],
)
def test_a_document_of_another_shape_has_no_messages(part: dict[str, Any], tmp_path: Path) -> None:
    meta = {"users": {"100000000000000001": {"name": "ana"}}, "userindex": []}
    document = {"meta": meta, "data": {}} | part
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8")
    source = next(iter(list_sources(tmp_path / "a.json", Meter())))
    assert list(discord_history.read([source], ImportLog())) == []


def test_a_database_without_a_column_is_refused(tmp_path: Path) -> None:
    tables = "CREATE TABLE servers (id); CREATE TABLE channels (id); CREATE TABLE messages (sender_id)"
    (tmp_path / "a.dht").write_bytes(server_formats.as_database(tables, {}))
    with pytest.raises(UserError, match=r"a\.dht is no database that can be read \(no such"):
        list(registry.read_exports(tmp_path / "a.dht"))


ENDLESS = "CREATE VIEW {} AS WITH RECURSIVE n (at) AS (SELECT 1 UNION ALL SELECT at FROM n) SELECT {} FROM n;"
COLUMNS = {
    "users": "at AS id, at AS name, at AS discriminator",
    "servers": "at AS id, at AS name, at AS type",
    "channels": "at AS id, at AS name, at AS server",
    "messages": "at AS message_id, at AS sender_id, at AS channel_id, at AS text, at AS timestamp",
}


@pytest.mark.parametrize("view", COLUMNS)
def test_a_view_without_an_end_is_no_table(view: str, tmp_path: Path) -> None:
    tables = "".join(
        f"CREATE TABLE {name}{'2' * (name == view)} ({columns.replace('at AS ', '')});"
        for name, columns in COLUMNS.items()
    )
    made = server_formats.as_database(tables + ENDLESS.format(view, COLUMNS[view]), {})
    (tmp_path / "a.dht").write_bytes(made)
    with pytest.raises(UserError, match=rf"no database that can be read \(no such table: {view}\)"):
        list(registry.read_exports(tmp_path / "a.dht"))


def test_ids_that_are_not_unique_multiply_nothing(tmp_path: Path) -> None:
    tables = "".join(f"CREATE TABLE {name} ({c.replace('at AS ', '')});" for name, c in COLUMNS.items())
    tables += "CREATE TABLE attachments (attachment_id, name);"
    tables += "CREATE TABLE message_attachments (message_id, attachment_id);"
    rows: dict[str, server_formats.Rows] = {
        "users": [(1, "ana", None)] * 50,
        "servers": [(1, "quay", "SERVER")] * 50,
        "channels": [(5, "tea", 1)] * 50,
        "messages": [(9, 1, 5, "hello", 1704189600123)],
        "attachments": [(3, "a.txt")] * 50,
        "message_attachments": [(9, 3)] * 2,
    }
    (tmp_path / "a.dht").write_bytes(server_formats.as_database(tables, rows))
    found = [(each.text, each.media) for each in registry.read_exports(tmp_path / "a.dht")]
    assert found == [("hello", ("a.txt", "a.txt"))]
