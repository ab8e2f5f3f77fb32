"""Files of `--prompts`: private, noted in the data folder, and erased with what they hold."""

import json
import os
import stat
import sys
from pathlib import Path

from bot.errors import UserError
from bot.files import append_private, write_private

_LIST = "prompt_files.json"  # the paths of all files that prompts were written to


def append_prompt(data: Path, path: Path, line: bytes) -> None:
    """Append a line to a file that only its owner may read, and note the file for `erase_prompts`.

    Raises `UserError` for a file that belongs to another user. A pipe or a terminal is written to as it is.
    """
    with append_private(path) as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            _make_private(file.fileno(), path)
            _note(data, path)
        file.write(line)


def erase_prompts(data: Path) -> int:
    """Delete all noted files, which hold words of many people, and return how many there were."""
    found = [path for path in _noted(data) if path.is_file()]
    for path in found:
        try:
            path.unlink()
        except OSError as error:
            raise UserError(f"{path} holds prompts and cannot be deleted: {error.strerror}.") from None
    return len(found)


def _make_private(descriptor: int, path: Path) -> None:
    if sys.platform == "win32":  # the file has the rights of its folder
        return
    if os.fstat(descriptor).st_uid != os.geteuid():
        raise UserError(f"{path} belongs to another user: name a file of your own.")
    os.fchmod(descriptor, 0o600)


def _note(data: Path, path: Path) -> None:
    known, whole = _noted(data), path.resolve()
    if whole not in known:
        write_private(data / _LIST, [json.dumps([*map(str, known), str(whole)]).encode()])


def _noted(data: Path) -> list[Path]:
    try:
        return [Path(path) for path in json.loads((data / _LIST).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
