"""Private files that are there whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bot.errors import UserError


@contextmanager
def draft(path: Path) -> Iterator[BinaryIO]:
    """A file to write, mode 0600, which takes its place when the context ends well; else it vanishes."""
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new.unlink(missing_ok=True)
        opened = os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb", 1 << 20)
        try:
            with opened:
                yield opened
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(new, path)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def write_private(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a small file so."""
    with draft(path) as file:
        file.writelines(pieces)
