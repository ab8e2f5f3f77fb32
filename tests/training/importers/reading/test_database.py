"""Databases of exports are opened as copies."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import UserError
from training.importers.reading.archive import list_sources
from training.importers.reading.database import columns_of, has_tables, open_database
from training.importers.reading.sniff import sniff_head
from training.importers.reading.source import Meter, Source


def source_of(path: Path) -> Source:
    return next(each for each in list_sources(path, Meter()) if each.name == path.name)


def write(path: Path, *statements: str) -> Source:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
    return source_of(path)


def test_rows_are_read_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", "CREATE TABLE said (text)", "INSERT INTO said VALUES ('tea')")
    before = (tmp_path / "a.db").read_bytes()
    with open_database(source) as database:
        assert [row["text"] for row in database.execute("SELECT text FROM said")] == ["tea"]
    assert ((tmp_path / "a.db").read_bytes(), len([*tmp_path.iterdir()])) == (before, 1)


def test_what_lies_in_the_log_beside_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for line in (
            "PRAGMA journal_mode = WAL",
            "CREATE TABLE said (text)",
            "INSERT INTO said VALUES ('tea')",
        ):
            writer.execute(line)
        with open_database(source_of(path)) as database:
            assert database.execute("SELECT count(*) FROM said").fetchone()[0] == 1


def test_a_database_is_known_by_its_tables(tmp_path: Path) -> None:
    head = sniff_head(write(tmp_path / "a.db", 'CREATE TABLE "said" (text)', "CREATE TABLE heard (text)"))
    assert (has_tables(head, "said", "heard"), has_tables(head, "said", "seen")) == (True, False)


def test_a_view_has_no_columns(tmp_path: Path) -> None:
    source = write(
        tmp_path / "a.db", "CREATE TABLE said (text, time)", "CREATE VIEW seen AS SELECT * FROM said"
    )
    with open_database(source) as database:
        assert [columns_of(database, name) for name in ("said", "seen", "none")] == [
            {"text", "time"},
            set(),
            set(),
        ]


@pytest.mark.parametrize("keep", [100, 5000])
def test_a_damaged_database_is_a_sentence(keep: int, tmp_path: Path) -> None:
    write(tmp_path / "a.db", "CREATE TABLE said (text)", *["INSERT INTO said VALUES (zeroblob(3000))"] * 9)
    path = tmp_path / "b.db"
    path.write_bytes((tmp_path / "a.db").read_bytes()[:keep])
    with (
        pytest.raises(
            UserError, match=r"b\.db is no database that can be read \(.*\): export or copy it again\."
        ),
        open_database(source_of(path)) as database,
    ):
        database.execute("SELECT * FROM said").fetchall()


def test_a_damaged_name_in_the_schema_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "a.db", "CREATE TABLE said (text)")
    path = tmp_path / "b.db"
    path.write_bytes(
        (tmp_path / "a.db")
        .read_bytes()
        .replace(b"said (text)", b"said ((((((")
        .replace(b"said", b"sa\xd9\xd9")
    )
    with (
        pytest.raises(UserError, match=r"b\.db is no database that can be read"),
        open_database(source_of(path)) as database,
    ):
        database.execute("SELECT * FROM said").fetchall()
