"""slackdump's archive, its JSON of a conversation, and the uploads in its exports."""

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
from training.importers.reading.import_log import ImportLog

ARCHIVE = EXPORTS / "slackdump/slackdump.sqlite"


def test_every_message_of_the_archive_is_taken_once_or_counted() -> None:
    with closing(sqlite3.connect(ARCHIVE)) as database:
        query = "SELECT count(*) FROM (SELECT DISTINCT CHANNEL_ID, TS FROM MESSAGE)"
        count = database.execute(query).fetchone()[0]
    log = ImportLog()
    assert len(list(registry.read_exports(ARCHIVE, log))) + log.skipped.total() == count


def test_of_a_message_that_two_runs_fetched_the_last_row_is_taken() -> None:
    texts = [message.text for message in registry.read_exports(ARCHIVE)]
    assert ("is the quay open now?" in texts, "is the quay open?" in texts) == (True, False)


def test_who_ran_it_is_me() -> None:
    selves = {message.author: message.is_self for message in registry.read_exports(ARCHIVE)}
    assert selves == {"U1": True, "U2": False}


def test_an_archive_and_an_export_of_slack_hold_one_chat(tmp_path: Path) -> None:
    chat = Chat((Said(0, "hello"), Said(1, "so", 1), Said(0, "and again")), "general")
    files = chat_formats.slack(chat)
    channels = [{"id": "C1", "name": "general", "created": 1, "members": ["U0"]}]
    exported = write(tmp_path / "export", files | {"channels.json": chat_formats.as_json(channels)})
    archived = write(
        tmp_path / "archive",
        server_formats.slackdump(Chat((*chat.messages, Said(1, "yes")), "general")),
    )
    assert import_all(tmp_path / "work", exported, archived) == (1, 3, 0)
    assert import_all(tmp_path / "other", archived, exported) == (0, 3, 0)


def test_a_conversation_and_the_archive_hold_one_chat(tmp_path: Path) -> None:
    dump = EXPORTS / "slackdump/C1.json"
    assert import_all(tmp_path / "work", ARCHIVE, dump)[0] == 1  # who is a bot stands in the archive alone


@pytest.mark.parametrize("data", [b"{broken", b"[]", b'{"ts": 5}', b"[" * 3000, 5, "{}", None])
def test_a_row_that_cannot_be_read_is_counted(data: object, tmp_path: Path) -> None:
    files = server_formats.slackdump(Chat((Said(0, "hello"),)))
    (tmp_path / "a.sqlite").write_bytes(files["slackdump.sqlite"])
    with closing(sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)) as database:
        database.execute("INSERT INTO MESSAGE VALUES (9, 1, 'C1', '9.0', NULL, ?)", (data,))
    log = ImportLog()
    assert [message.text for message in registry.read_exports(tmp_path / "a.sqlite", log)] == ["hello"]
    assert log.skipped == {"unreadable": 1}


@pytest.mark.parametrize("path", ["__uploads/F02PM6A1AUA/{}", "general/attachments/F02PM6A1AUA-{}"])
@pytest.mark.parametrize(
    ("name", "upload"),
    [
        ("result.json", [{"ts": "1704189600.000100", "type": "message", "user": "U9", "text": "not said"}]),
        ("set.json", [{"instruction": "tea?", "output": "not said"}]),
    ],
)
def test_a_file_that_somebody_uploaded_is_no_chat(path: str, name: str, upload: Any, tmp_path: Path) -> None:
    files = chat_formats.slack(Chat((Said(0, "hello"),)))
    folder = write(tmp_path, files | {path.format(name): chat_formats.as_json(upload)})
    log = ImportLog()
    assert [message.text for message in registry.read_exports(folder, log)] == ["hello"]
    assert log.skipped == {"files that people uploaded": 1}


def test_answers_of_a_thread_stand_once(tmp_path: Path) -> None:
    first = {"type": "message", "user": "U1", "text": "tea?", "ts": "1704189600.000100"}
    answer = {**first, "text": "yes", "ts": "1704189601.000100", "thread_ts": first["ts"]}
    messages = [{**first, "slackdump_thread_replies": [first, answer]}]
    conversation = {"channel_id": "C1", "name": "general", "messages": messages}
    (tmp_path / "C1.json").write_text(json.dumps(conversation), encoding="utf-8")
    found = list(registry.read_exports(tmp_path / "C1.json"))
    assert [(each.text, each.reply_to) for each in found] == [("tea?", None), ("yes", first["ts"])]


@pytest.mark.parametrize("table", ["MESSAGE", "CHANNEL", "S_USER", "WORKSPACE"])
def test_a_view_without_an_end_is_no_table(table: str, tmp_path: Path) -> None:
    files = server_formats.slackdump(Chat((Said(0, "hello"),)))
    (tmp_path / "a.sqlite").write_bytes(files["slackdump.sqlite"])
    with closing(sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)) as database:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info ({table})")]
        database.execute(f"ALTER TABLE {table} RENAME TO {table}2")
        database.execute(
            f"CREATE VIEW {table} AS WITH RECURSIVE n (at) AS (SELECT 1 UNION ALL SELECT at FROM n) "
            f"SELECT {', '.join(f'at AS {name}' for name in columns)} FROM n"
        )
    with pytest.raises(UserError, match=rf"no database that can be read \(no such table: {table}\)"):
        list(registry.read_exports(tmp_path / "a.sqlite"))
