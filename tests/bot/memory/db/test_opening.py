"""Memory opens a blank folder, brings an older database up to date, and refuses a newer one."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.memory.db.migration import own_scripts
from bot.memory.store import Memory
from bot.message import Place
from tests.bot.memory.db.filled_memory import fill
from tests.faults.memory_story import ids, said


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


async def test_a_blank_folder_becomes_a_private_database(tmp_path: Path):
    path = tmp_path / "data" / "deep" / "memory.db"
    async with Memory(path) as memory:
        assert memory.notices == ()
        await memory.accept(said(1))
        await memory.backup()
        private = [file for file in path.parent.rglob("*") if file.is_file()]
        assert {file.stat().st_mode & 0o777 for file in private} == {0o600}
        assert len(private) == 5
    assert {folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent / "backups")} == {0o700}
    assert (pragma(path, "application_id"), pragma(path, "user_version")) == (1634497637, 6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("trusted_schema", 0),
        ("busy_timeout", 5000),
    ],
)
async def test_the_connection_is_set(tmp_path: Path, name: str, value: object):
    async with Memory(tmp_path / "memory.db") as memory:
        found = await memory._database.run(lambda inside: inside.execute(f"PRAGMA {name}").fetchone()[0])
    assert found == value


async def test_a_second_host_is_refused_and_the_folder_is_free_after_the_first(tmp_path: Path):
    path = tmp_path / "memory.db"
    async with Memory(path):
        with pytest.raises(UserError, match=r"Another alterego is using .*: stop it first"):
            async with Memory(path):
                pass
    async with Memory(path):
        pass


async def test_a_group_readable_file_becomes_private(tmp_path: Path):
    path = tmp_path / "memory.db"
    await fill(path, 1)
    path.chmod(0o664)
    async with Memory(path):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def schemas(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of migrations: today's, and one with a version more."""
    today, tomorrow = tmp_path / "today", tmp_path / "tomorrow"
    for folder in (today, tomorrow):
        folder.mkdir()
        for script in own_scripts().iterdir():
            (folder / script.name).write_text(script.read_text("utf-8"))
    (tomorrow / "007_mood.sql").write_text(
        "ALTER TABLE places ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm; -- quite';\n"
        "CREATE TRIGGER calm AFTER INSERT ON places BEGIN\n  UPDATE places SET mood = 'calm';\nEND;\n"
        "PRAGMA user_version = 7;\n"
    )
    return today, tomorrow


async def test_an_older_database_is_backed_up_and_brought_up_to_date(
    tmp_path: Path, schemas: tuple[Path, Path]
):
    path = tmp_path / "data" / "memory.db"
    async with Memory(path, schema=schemas[0]) as memory:
        await memory.accept(said(1))
    async with Memory(path, schema=schemas[1]) as memory:
        assert await ids(memory) == ["m1"]
    (saved,) = (path.parent / "backups").iterdir()
    assert (pragma(path, "user_version"), pragma(saved, "user_version")) == (7, 6)


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, schemas: tuple[Path, Path]):
    path = tmp_path / "data" / "memory.db"
    async with Memory(path, schema=schemas[0]) as memory:
        await memory.accept(said(1))
    (schemas[1] / "007_mood.sql").write_text(
        "DROP TABLE settings;\nDROP TABLE missing;\nPRAGMA user_version = 7;\n"
    )
    with pytest.raises(sqlite3.OperationalError, match="missing"):
        async with Memory(path, schema=schemas[1]):
            pass
    async with Memory(path, schema=schemas[0]) as memory:
        assert await memory.settings("any") == {}


async def test_a_newer_database_is_refused_untouched(tmp_path: Path, schemas: tuple[Path, Path]):
    path = tmp_path / "data" / "memory.db"
    async with Memory(path, schema=schemas[1]) as memory:
        await memory.accept(said(1))
    before = path.read_bytes()
    with pytest.raises(UserError, match="newer alterego"):
        async with Memory(path, schema=schemas[0]):
            pass
    assert path.read_bytes() == before


async def test_an_opening_that_is_cancelled_leaves_the_folder_free(tmp_path: Path):
    path = tmp_path / "memory.db"
    for wait in (0, 0.001, 0.003, 0.01):
        opening = asyncio.create_task(Memory(path).__aenter__())
        await asyncio.sleep(wait)
        opening.cancel()
        try:
            opened = await opening
        except asyncio.CancelledError:
            continue
        await opened.__aexit__(None, None, None)
    async with Memory(path) as memory:
        assert await memory.accept(said(1, place=Place("web", "bot", "1")))
