"""Converted copies of base models, kept beside the bot's data: written whole or not at all, and checked by hash."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.engine.source import hash_file

FORMAT = 1  # of what a copy holds; another number makes every copy again
_LIST = "copy.json"


def copy_of(models: Path, source: str, precision: str) -> Path | None:
    """The folder of a whole copy of the source with this SHA-256 in this precision, or None."""
    folder = models / _key(source, precision)
    try:
        hashes = json.loads((folder / _LIST).read_text("utf-8"))["files"]
        whole = all(hash_file(folder / Path(name).name) == hash_ for name, hash_ in hashes.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return folder if whole and hashes else None


def make_copy(models: Path, source: str, precision: str, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a folder and put it in place; older copies of the same source and precision go."""
    models.mkdir(parents=True, exist_ok=True)
    folder = models / _key(source, precision)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=models) as new:
        write(Path(new))
        hashes = {file.name: hash_file(file) for file in sorted(Path(new).iterdir())}
        text = json.dumps({"source": source, "precision": precision, "files": hashes}, indent=1)
        (Path(new) / _LIST).write_text(text, "utf-8")
        _remove_older(models, source, precision)
        Path(new).rename(folder)
        Path(new).mkdir()  # for the context manager to remove
    return folder


def _remove_older(models: Path, source: str, precision: str) -> None:
    pattern = re.compile(rf"{source[:24]}-{precision}-v\d+")
    for folder in models.iterdir():
        if pattern.fullmatch(folder.name):
            shutil.rmtree(folder)


def _key(source: str, precision: str) -> str:
    return f"{source[:24]}-{precision}-v{FORMAT}"
