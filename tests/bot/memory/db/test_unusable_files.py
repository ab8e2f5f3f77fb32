"""Memory refuses a file that it cannot use, says why, and leaves the file as it is."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.errors import UserError
from bot.memory.store import Memory
from tests.bot.memory.db.filled_memory import fill
from tests.faults.memory_story import ids, said


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
