"""Changes of config.toml that keep its comments, and everything else as it was written."""

import stat
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from bot.config import ConfigFile
from bot.errors import UserError
from bot.files import open_draft
from bot.system.ownership import check_owner
from bot.toml import parse_toml


def set_key(path: Path, table: str, key: str, value: str) -> None:
    """Write a key of a table into a settings file, as a whole or not at all.

    Raises `UserError` where the file cannot be read or written, or would not be valid with it.
    """
    check_owner(path)
    target = path.resolve()  # a link stays a link
    try:
        with target.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
        mode = stat.S_IMODE(target.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    parse_toml(ConfigFile, text, path)
    changed = _with_key(text, table, key, value, path)
    parse_toml(ConfigFile, changed, path)
    with open_draft(target) as draft:
        draft.write(changed.encode("utf-8"))
    target.chmod(mode)


def _with_key(text: str, table: str, key: str, value: str, path: Path) -> str:
    try:
        document = tomlkit.parse(text)
        if table not in document:
            document[table] = tomlkit.table()
        document[table][key] = value
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from None
