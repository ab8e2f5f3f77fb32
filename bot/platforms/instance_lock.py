"""A lock per token: two instances would answer everything twice, or take each other's messages."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import UserError


@contextmanager
def hold_token(platform: str, token: str) -> Iterator[None]:
    """Hold this machine's lock on a token. Raises `UserError` where another process holds the lock.

    The file's name tells nothing about the token, and the system releases the lock when a process dies.
    """
    name = blake2b(token.encode(), digest_size=12, person=b"alterego").hexdigest()
    lock = FileLock(Path(tempfile.gettempdir()) / f"alterego-{name}.lock", mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"Another alterego is running with this {platform} token: stop it first, or use another token."
        ) from None
    except OSError as error:
        raise UserError(f"{lock.lock_file} cannot be locked ({error.strerror}): remove that file.") from None
    try:
        yield
    finally:
        lock.release()
