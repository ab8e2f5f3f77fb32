"""The Messages database: words in typedstreams, edits, times of both units, tables of older systems."""

import plistlib
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest

from bot.errors import UserError
from tests.complexity.documents.phone_formats import SCHEMA
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.imessage.typed_stream import Edits, read_edits, stream_words
from training.importers.reading.import_log import ImportLog

FOLDER = EXPORTS / "imessage"
CLASSES = (
    b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00"
    b"\x85\x92\x84\x84\x84\x08NSString\x01\x94"
)


def stream(raw: bytes, length: bytes) -> bytes:
    return CLASSES + b"\x84\x01+" + length + raw + b"\x86\x84\x02iI\x01"


def summary(**fields: object) -> bytes:
    return plistlib.dumps({"amc": 1, **fields}, fmt=plistlib.FMT_BINARY)


@pytest.mark.parametrize("name", ["new", "old"])
def test_the_database_is_what_its_sql_makes(name: str) -> None:
    with (
        closing(sqlite3.connect(":memory:")) as made,
        closing(sqlite3.connect(f"file:{FOLDER}/{name}/chat.db?mode=ro&immutable=1", uri=True)) as kept,
    ):
        made.executescript((FOLDER / name / "chat.sql").read_text(encoding="utf-8"))
        assert list(kept.iterdump()) == list(made.iterdump())


def test_each_row_is_kept_or_counted() -> None:
    log = ImportLog()
    kept = len(list(registry.read_exports(FOLDER / "new", log)))
    with closing(sqlite3.connect(f"file:{FOLDER}/new/chat.db?mode=ro&immutable=1", uri=True)) as database:
        (rows,) = database.execute("SELECT count(*) FROM message").fetchone()
    assert kept + log.skipped.total() == rows


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (stream(b"tea", b"\x03"), "tea"),
        (stream(b"", b"\x00"), ""),
        (stream(b"a" * 127, b"\x7f"), "a" * 127),
        (stream(b"a" * 128, b"\x81" + struct.pack("<H", 128)), "a" * 128),
        (stream(b"a" * 70_000, b"\x82" + struct.pack("<I", 70_000)), "a" * 70_000),
        (stream("茶 +84".encode(), b"\x07"), "茶 +84"),
        (stream(b"\xff", b"\x01"), "\ufffd"),
        (stream(b"tea", b"\x7f"), None),
        (stream(b"tea", b"\x81\xff\xff"), None),
        (stream(b"tea", b"\x82\xff\xff\xff\xff"), None),
        (stream(b"tea", b"\x83\x03"), None),
        (CLASSES + b"\x84\x01+", None),
        (CLASSES + b"\x84\x01+\x81", None),
        (CLASSES, None),
        (CLASSES + b"\x00" * 5000 + b"\x84\x01+\x03tea", None),
        (b"bplist00", None),
        (b"", None),
        ("tea", None),
        (None, None),
    ],
)
def test_the_words_of_a_typedstream(blob: object, words: str | None) -> None:
    assert stream_words(blob) == words


TEA = {"t": stream(b"tea", b"\x03"), "d": 1.0}
OIL = {"t": stream(b"oil", b"\x03"), "d": 2.0}


@pytest.mark.parametrize(
    ("blob", "edits"),
    [
        (summary(otr={"0": {}}, ec={"0": [TEA, OIL]}), Edits("oil")),
        (summary(otr={"0": {}, "1": {}}, ec={"0": [TEA], "1": [TEA, OIL]}), Edits("tea\noil")),
        (summary(otr={"0": {}}, rp=[0]), Edits("", True)),
        (summary(otr={"0": {}, "1": {}}, rp=[0]), Edits()),
        (summary(otr={"0": {}, "1": {}}, rp=[0, 1]), Edits("", True)),
        (summary(ec={"0": []}), Edits()),
        (summary(ec={"0": [7]}), Edits()),
        (summary(ec={"0": [{"t": "tea"}]}), Edits()),
        (summary(ec=[TEA]), Edits()),
        (summary(), Edits()),
        (plistlib.dumps([TEA], fmt=plistlib.FMT_BINARY), Edits()),
        (summary(ec={"0": [TEA]})[:-1], Edits()),
        (b"bplist00" + b"\xff" * 100, Edits()),
        (plistlib.dumps({"rp": [0]}), Edits()),
        (b"\x00" * (2 << 20), Edits()),
        (None, Edits()),
        ("tea", Edits()),
    ],
)
def test_the_edits_of_a_summary(blob: object, edits: Edits) -> None:
    assert read_edits(blob) == edits


def database(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.executescript(SCHEMA)
        file.execute("INSERT INTO handle VALUES (1, 'ann@example.org', 'iMessage')")
        file.execute("INSERT INTO chat VALUES (1, 'any;-;ann', 45, 'ann@example.org', NULL)")
        for statement in statements:
            file.execute(statement)
    return path


MESSAGE = (
    "INSERT INTO message (ROWID, guid, text, handle_id, date, is_from_me) VALUES (1, 'a', 'tea', 1, {}, 0)"
)
JOIN = "INSERT INTO chat_message_join VALUES (1, 1)"


@pytest.mark.parametrize(
    ("date", "time", "precision"),
    [
        ("794052000", 1772359200.0, "second"),
        ("794052000500000000", 1772359200.5, "millisecond"),
        ("999999999999", None, ""),
        ("0", None, ""),
        ("NULL", None, ""),
        ("9223372036854775807", None, ""),
        ("-9223372036854775808", None, ""),
        ("9e999", None, ""),
        ("'tea'", None, ""),
        ("x'00'", None, ""),
    ],
)
def test_a_time_is_in_one_of_two_units(date: str, time: float | None, precision: str, tmp_path: Path) -> None:
    log = ImportLog()
    path = database(tmp_path / "chat.db", MESSAGE.format(date), JOIN)
    found = [(each.time, each.precision) for each in registry.read_exports(path, log)]
    assert found == ([(time, precision)] if time else [])
    assert log.skipped == ({} if time else {"without a date": 1})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE message SET guid = 7, text = x'ff', handle_id = 'a'",
        "UPDATE message SET associated_message_type = 9e999, item_type = 'a'",
        "UPDATE message SET attributedBody = 'tea', message_summary_info = 5, date_edited = 'x'",
        "UPDATE handle SET id = x'00'",
        "UPDATE chat SET chat_identifier = 5, display_name = x'00', style = 'group'",
        "INSERT INTO chat_handle_join VALUES ('a', NULL)",
        "INSERT INTO message_attachment_join VALUES ('a', 1), (NULL, 1), (1, NULL)",
        "INSERT INTO attachment VALUES (1, 5, x'00', 7, 'a')",
    ],
)
def test_values_of_other_types_are_no_traceback(change: str, tmp_path: Path) -> None:
    path = database(tmp_path / "chat.db", MESSAGE.format(794052000), JOIN, change)
    for message in registry.read_exports(path, ImportLog()):
        assert message.chat


def test_a_database_that_lacks_a_table_is_refused(tmp_path: Path) -> None:
    path = database(tmp_path / "chat.db", "DROP TABLE handle")
    with pytest.raises(UserError, match=r"chat\.db has no whole table handle: copy the Messages database"):
        list(registry.read_exports(path))


def test_a_database_is_known_where_its_tables_are_declared_late(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for at in range(300):
            file.execute(f"CREATE TABLE other{at} ({', '.join(f'column{each}' for each in range(30))})")
    database(path, MESSAGE.format(794052000), JOIN)
    assert b"chat_message_join" not in path.read_bytes()[: 64 << 10]
    assert [message.text for message in registry.read_exports(path)] == ["tea"]


def test_what_lies_in_the_log_beside_the_database_is_read(tmp_path: Path) -> None:
    path = database(tmp_path / "chat.db", "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute(MESSAGE.format(794052000))
        writer.execute(JOIN)
        assert [message.text for message in registry.read_exports(path)] == ["tea"]


def read_tables(path: Path, schema: str, *rows: str) -> tuple[list[str], dict[str, int]]:
    """Read a Messages database with one chat and these rows; return the texts and the counts."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(schema)
        for row in ("INSERT INTO chat (ROWID, guid, chat_identifier) VALUES (1, 'a', 'c')", *rows):
            database.execute(row)
        database.commit()
    log = ImportLog()
    return [message.text for message in registry.read_exports(path, log)], dict(log.skipped)


SAY = "INSERT INTO message (ROWID, guid, text, date, is_from_me, handle_id) VALUES ({}, 'g{}', '{}', 7, 0, 1)"
LIE = "INSERT INTO chat_message_join VALUES (1, 1)"


@pytest.mark.parametrize("number", ["'x'", "NULL", "x'00'", "1.5"])
def test_a_row_whose_number_is_none_is_counted(number: str, tmp_path: Path) -> None:
    schema = SCHEMA.replace("message (ROWID INTEGER PRIMARY KEY", "message (ROWID BLOB", 1)
    rows = (SAY.format(1, 1, "tea"), SAY.format(number, 2, "oil"), LIE)
    file = ("INSERT INTO attachment (ROWID) VALUES (1)", "INSERT INTO message_attachment_join VALUES (1, 1)")
    assert read_tables(tmp_path / "chat.db", schema, *rows, *file) == (["tea"], {"without a number": 1})


def test_numbers_that_are_not_unique_multiply_nothing(tmp_path: Path) -> None:
    schema = SCHEMA
    for table in ("chat", "handle", "attachment"):
        schema = schema.replace(f"{table} (ROWID INTEGER PRIMARY KEY", f"{table} (ROWID INTEGER", 1)
    many = (
        "INSERT INTO chat (ROWID, guid, chat_identifier) VALUES (1, 'a', 'c')",
        "INSERT INTO handle (ROWID, id) VALUES (1, '+1000')",
        "INSERT INTO attachment (ROWID, filename) VALUES (1, 'a.txt')",
    )
    file = "INSERT INTO message_attachment_join VALUES (1, 1)"
    rows = (SAY.format(1, 1, "tea"), LIE, file, *many * 50)
    assert read_tables(tmp_path / "chat.db", schema, *rows) == (["tea"], {})
    (message,) = registry.read_exports(tmp_path / "chat.db")
    assert message.media == ("a.txt",)


def test_the_log_beside_a_database_in_a_zip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(SCHEMA)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("INSERT INTO chat (ROWID, guid, chat_identifier) VALUES (1, 'a', 'c')")
        database.execute(SAY.format(1, 1, "tea"))
        database.execute(LIE)
        with ZipFile(tmp_path / "a.zip", "w") as archive:
            for name in ("chat.db", "chat.db-wal"):
                archive.write(tmp_path / name, name)
    assert [message.text for message in registry.read_exports(tmp_path / "a.zip")] == ["tea"]
