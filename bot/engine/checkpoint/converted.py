"""Converted copies of base models in the bot's data: written whole or not at all, and checked by hash."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from bot.engine.checkpoint.source import hash_file

FORMAT = 1  # of a copy's content; another number makes every copy anew
_LIST = "copy.json"
_NEW = ".new-"


def find_converted(models: Path, source: str, precision: str) -> Path | None:
    """Return the folder of a whole copy in this precision, or None; `source` is the GGUF file's SHA-256."""
    folder = models / _key(source, precision)
    try:
        hashes = json.loads((folder / _LIST).read_text("utf-8"))["files"]
        whole = all(hash_file(folder / Path(name).name) == hash_ for name, hash_ in hashes.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return folder if whole and hashes else None


def make_converted(models: Path, source: str, precision: str, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a folder and publish it, unless another process just did; return the copy's folder.

    Copies of the source in this precision in an older format are deleted.
    """
    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / ".lock"):
        if copy := find_converted(models, source, precision):
            return copy
        for unfinished in models.glob(f"{_NEW}*"):  # of a process that died
            shutil.rmtree(unfinished)
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=models))
        try:
            write(new)
            return _put_in_place(new, models, source, precision)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _put_in_place(new: Path, models: Path, source: str, precision: str) -> Path:
    hashes = {file.name: hash_file(file) for file in sorted(new.iterdir())}
    listed = {"source": source, "precision": precision, "files": hashes}
    (new / _LIST).write_text(json.dumps(listed, indent=1), "utf-8")
    older = re.compile(rf"{source[:24]}-{precision}-v\d+")
    for folder in models.iterdir():
        if older.fullmatch(folder.name):
            shutil.rmtree(folder)
    return new.rename(models / _key(source, precision))


def _key(source: str, precision: str) -> str:
    return f"{source[:24]}-{precision}-v{FORMAT}"
