"""Databases of exports are opened as copies."""

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest

from bot.errors import UserError
from training.importers.reading import database as databases
from training.importers.reading.archive import list_sources
from training.importers.reading.database import check_tables, columns_of, has_tables, open_database
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


@pytest.mark.parametrize("packed", ["zip", "tar.gz"])
def test_what_lies_in_the_log_beside_a_file_in_an_archive_is_read(packed: str, tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for line in ("PRAGMA journal_mode = WAL", "CREATE TABLE said (text)"):
            writer.execute(line)
        archive = tmp_path / f"a.{packed}"
        if packed == "zip":
            with ZipFile(archive, "w") as file:
                for name in ("a.db-wal", "a.db"):
                    file.write(path.with_name(name), f"Messages/{name}")
        else:
            with tarfile.open(archive, "w:gz") as tar:
                for name in ("a.db", "a.db-wal"):
                    tar.add(path.with_name(name), f"Messages/{name}")
    source = next(each for each in list_sources(archive, Meter()) if each.name == "a.db")
    with open_database(source) as database:
        assert columns_of(database, "said") == {"text"}


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


def test_a_virtual_table_has_no_columns(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", "CREATE VIRTUAL TABLE said USING fts5 (text)")
    with open_database(source) as database:
        assert columns_of(database, "said") == frozenset()


@pytest.mark.parametrize("kind", ["VIRTUAL", "STORED"])
def test_a_table_that_computes_columns_is_a_sentence(kind: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", f"CREATE TABLE said (id, text AS (hex(id)) {kind})")
    with (
        pytest.raises(UserError, match=r"a\.db is no database that can be read \(the table said computes"),
        open_database(source) as database,
    ):
        columns_of(database, "said")


def test_a_view_in_the_place_of_a_table_is_a_sentence(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", "CREATE TABLE said (text)", "CREATE VIEW seen AS SELECT * FROM said")
    with (
        pytest.raises(UserError, match=r"a\.db is no database that can be read \(no such table: seen\)"),
        open_database(source) as database,
    ):
        check_tables(database, "said", "seen")


def test_a_statement_without_an_end_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_FIRST_STEPS", 1000)
    source = write(tmp_path / "a.db", "CREATE TABLE said (text)")
    with (
        pytest.raises(UserError, match=r"a\.db is no database that can be read \(interrupted\)"),
        open_database(source) as database,
    ):
        database.execute(
            "WITH RECURSIVE n (at) AS (SELECT 1 UNION ALL SELECT at FROM n) SELECT max(at) FROM n"
        ).fetchall()


def test_the_bound_of_steps_leaves_many_small_rows_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A twentieth of the bound is enough for rows of a few bytes that are joined, grouped and sorted."""
    monkeypatch.setattr(databases, "_FIRST_STEPS", 0)
    monkeypatch.setattr(databases, "_STEPS", databases._STEPS // 20)
    monkeypatch.setattr(databases, "_STRIDE", 1000)
    source = write(
        tmp_path / "a.db",
        "CREATE TABLE said (id INTEGER PRIMARY KEY, chat INTEGER)",
        "WITH RECURSIVE n (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM n LIMIT 20000) "
        "INSERT INTO said SELECT at, at % 9 FROM n",
    )
    with open_database(source) as database:
        rows = database.execute(
            "SELECT a.id, b.many FROM said a LEFT JOIN (SELECT id, count(*) AS many FROM said GROUP BY id) b "
            "ON b.id = a.id ORDER BY a.chat"
        )
        assert len(rows.fetchall()) == 20_000
