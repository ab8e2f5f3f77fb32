"""Memory writes backups, sets a damaged file aside, and restores the newest backup that is good."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.memory.store import Memory
from tests.bot.memory.db.filled_memory import DAY, NOW, fill
from tests.faults.memory_story import answer, half_turns, ids, said


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
