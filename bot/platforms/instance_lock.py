"""A lock per token: two instances would answer everything twice, or take each other's messages."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import UserError
from bot.system.user_folders import make_own_folder, state_folder

_TRIES = 3  # at a file that is removed while it is being locked


@contextmanager
def hold_token(platform: str, token: str) -> Iterator[None]:
    """Hold the user's lock on a token. Raises `UserError` where another process holds the lock.

    The file's name tells nothing about the token, and the system releases the lock when a process dies.
    """
    lock = _acquire(_lock_folder(), platform, token)
    try:
        yield
    finally:
        lock.release()


def _lock_folder() -> Path:
    """Return a folder that no other user can write: there is no lock to plant or to remove."""
    try:
        folder = state_folder()
        make_own_folder(folder)
    except OSError as error:
        raise UserError(
            f"There is no folder for locks ({error.strerror}): set "
            f"{'LOCALAPPDATA' if os.name == 'nt' else 'XDG_STATE_HOME'} to a folder of your own."
        ) from None
    return folder


def _acquire(folder: Path, platform: str, token: str) -> FileLock:
    name = blake2b(token.encode(), digest_size=12, person=b"alterego").hexdigest()
    path = folder / f"{name}.lock"
    try:
        for _ in range(_TRIES):
            path.touch(0o600)
            before = path.stat().st_ino
            lock = FileLock(path, mode=0o600)
            lock.acquire(blocking=False)
            if path.exists() and path.stat().st_ino == before:
                return lock
            lock.release()  # the file was removed meanwhile: another process may hold the new one
    except Timeout:
        raise UserError(
            f"Another alterego is running with this {platform} token: stop it first, or use another token."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be locked ({error.strerror}): see that {folder} is yours.") from None
    raise UserError(f"{path} is removed again and again: end the program that does so.")
