"""Opening: from a blank folder, from an older version, and from every state a file can be found in."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.errors import UserError
from bot.memory.db.migration import own_scripts
from bot.memory.store import Memory
from bot.message import Place
from tests.faults.memory_story import answer, half_turns, ids, said

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
DAY = 86_400


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


async def fill(path: Path, messages: int = 300) -> None:
    async with Memory(path, lambda: NOW) as memory:
        for number in range(messages):
            await memory.accept(said(number, f"say {number} " * 20))


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
    assert (pragma(path, "application_id"), pragma(path, "user_version")) == (1634497637, 2)


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
    (tomorrow / "003_mood.sql").write_text(
        "ALTER TABLE places ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm; -- quite';\n"
        "CREATE TRIGGER calm AFTER INSERT ON places BEGIN\n  UPDATE places SET mood = 'calm';\nEND;\n"
        "PRAGMA user_version = 3;\n"
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
    assert (pragma(path, "user_version"), pragma(saved, "user_version")) == (3, 2)


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, schemas: tuple[Path, Path]):
    path = tmp_path / "data" / "memory.db"
    async with Memory(path, schema=schemas[0]) as memory:
        await memory.accept(said(1))
    (schemas[1] / "003_mood.sql").write_text(
        "DROP TABLE settings;\nDROP TABLE missing;\nPRAGMA user_version = 3;\n"
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


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path, mode: str):
    path = tmp_path / "memory.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE theirs (id)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(UserError, match="another program"):
        async with Memory(path):
            pass
    assert path.read_bytes() == before


def overwrite(path: Path, start: int, garbage: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(garbage)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "random bytes at the start": lambda path: overwrite(path, 0, os.urandom(4096)),
    "random bytes in the middle": lambda path: overwrite(path, 20_000, os.urandom(30_000)),
    "zeros in the middle": lambda path: overwrite(path, 20_000, bytes(30_000)),
    "only random bytes": lambda path: path.write_bytes(os.urandom(50_000)),
    "text": lambda path: path.write_text("not a database"),
    "cut short": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut within a page": lambda path: os.truncate(path, 5000),
    "one byte": lambda path: os.truncate(path, 1),
    "empty": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_file_is_set_aside_and_the_backup_restored(tmp_path: Path, damage: str):
    path = tmp_path / "memory.db"
    await fill(path)
    async with Memory(path, lambda: NOW) as memory:
        await memory.backup()
        await memory.accept(said("later"))
    DAMAGE[damage](path)
    damaged = path.read_bytes()
    async with Memory(path, lambda: NOW + DAY) as memory:
        assert len(await ids(memory)) == 300
        await memory.accept(said("new"))
        (notice,) = memory.notices
    aside = tmp_path / "memory.db.corrupt-20260922T141320000000Z"
    assert aside.read_bytes() == damaged
    assert notice == (
        f"The memory at {path} was damaged and has been set aside as {aside.name}."
        " The backup of 2026-09-21 14:13 UTC was restored: later messages are missing."
    )
    assert half_turns(path) == []
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", DAMAGE)
async def test_without_a_backup_memory_starts_empty_and_says_so(tmp_path: Path, damage: str):
    path = tmp_path / "memory.db"
    await fill(path)
    DAMAGE[damage](path)
    async with Memory(path) as memory:
        assert await ids(memory) == []
        (notice,) = memory.notices
    assert notice.endswith("There was no backup to restore: it starts empty.")


async def test_the_newest_good_backup_is_restored(tmp_path: Path):
    path = tmp_path / "memory.db"
    for day in range(3):
        async with Memory(path, lambda day=day: NOW + day * DAY) as memory:
            await memory.accept(said(day))
            await memory.backup()
    *_, newest = sorted((tmp_path / "backups").iterdir())
    newest.write_bytes(os.urandom(9000))
    path.write_bytes(b"damaged")
    async with Memory(path, lambda: NOW + 4 * DAY) as memory:
        assert await ids(memory) == ["m0", "m1"]


async def test_a_log_without_its_database_is_not_taken_for_the_log_of_a_new_one(tmp_path: Path):
    path = tmp_path / "memory.db"
    async with Memory(path) as memory:
        await memory.accept(said(1))
        shutil.copy(f"{path}-wal", tmp_path / "log")
    path.unlink()
    (tmp_path / "log").rename(f"{path}-wal")
    async with Memory(path) as memory:
        assert (await ids(memory), memory.notices) == ([], ())


async def test_damage_found_while_running_is_told(tmp_path: Path):
    path = tmp_path / "memory.db"
    await fill(path)
    async with Memory(path) as memory:
        overwrite(path, 0, os.urandom(path.stat().st_size))
        with pytest.raises(UserError, match="damaged: start again"):
            await asyncio.gather(*(memory.accept(said(number)) for number in range(300, 400)))


async def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path):
    (tmp_path / "memory.db").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        async with Memory(tmp_path / "memory.db"):
            pass


async def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "data").write_text("")
    with pytest.raises(UserError, match="ALTEREGO_DATA"):
        async with Memory(tmp_path / "data" / "memory.db"):
            pass


LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = " + sys.argv[2])
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(path: Path, mode: str) -> Iterator[None]:
    """Another process holds the database until the end of the block."""
    command = [sys.executable, "-c", LOCKER, str(path), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield
        process.kill()


@pytest.mark.parametrize("mode", ["NORMAL", "EXCLUSIVE"])
async def test_a_locked_database_is_refused_within_the_patience(tmp_path: Path, mode: str):
    path = tmp_path / "memory.db"
    await fill(path, 1)
    with locked(path, mode), pytest.raises(UserError, match=r"Another program is using .*: close it"):
        async with Memory(path, patience=0.2):
            pass
    async with Memory(path) as memory:
        assert (await ids(memory), memory.notices) == (["m0"], ())


async def test_a_database_locked_while_running_is_told_and_usable_again_later(tmp_path: Path):
    path = tmp_path / "memory.db"
    async with Memory(path, patience=0.2) as memory:
        with locked(path, "NORMAL"), pytest.raises(UserError, match="Another program is using"):
            await memory.accept(said(1))
        assert await memory.accept(said(1))


@contextmanager
def without_root() -> Iterator[Path]:
    """A folder of an ordinary user, and the rights of one: the superuser may write everything."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder
            folder.chmod(0o700)
            return
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
@pytest.mark.parametrize(("file", "folder"), [(0o400, 0o700), (0o600, 0o500), (0o000, 0o700), (0o400, 0o500)])
async def test_a_database_that_cannot_be_written_is_refused(file: int, folder: int):
    with without_root() as home:
        path = home / "data" / "memory.db"
        await fill(path, 1)
        path.chmod(file)
        path.parent.chmod(folder)
        try:
            with pytest.raises(UserError, match="cannot be written: allow it for file and folder"):
                async with Memory(path):
                    pass
        finally:
            path.parent.chmod(0o700)
            path.chmod(0o600)
        async with Memory(path) as memory:
            assert (await ids(memory), memory.notices) == (["m0"], ())


async def test_a_backup_is_wanted_once_a_day_when_there_is_something_to_save(tmp_path: Path):
    now = NOW
    async with Memory(tmp_path / "memory.db", lambda: now) as memory:
        assert not await memory.wants_backup()
        await memory.accept(said(1))
        assert await memory.wants_backup()
        await memory.backup()
        assert not await memory.wants_backup()
        now += DAY + 1
        assert await memory.wants_backup()


async def test_the_newest_three_backups_are_kept_and_open_as_they_are(tmp_path: Path):
    now = NOW
    async with Memory(tmp_path / "memory.db", lambda: now) as memory:
        for day in range(5):
            await memory.accept(said(day))
            now = NOW + day * DAY
            newest = await memory.backup()
    saved = sorted((tmp_path / "backups").iterdir())
    assert [file.name[7:15] for file in saved] == ["20260923", "20260924", "20260925"]
    assert saved[-1] == newest
    shutil.copy(newest, tmp_path / "copy.db")
    async with Memory(tmp_path / "copy.db") as memory:
        assert len(await ids(memory)) == 5


async def test_turns_go_on_while_a_backup_is_written(tmp_path: Path):
    path = tmp_path / "memory.db"
    async with Memory(path, lambda: NOW) as memory:

        async def turn(number: int) -> None:
            await memory.accept(said(number))
            await answer(memory, [f"m{number}"], f"r{number}")

        saved, *_ = await asyncio.gather(memory.backup(), *(turn(number) for number in range(50)))
        assert (await memory.status()).inbox == {"answered": 50}
    assert half_turns(saved) == []


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
