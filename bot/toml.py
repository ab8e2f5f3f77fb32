"""A TOML file as checked settings: a mistake is named with its file, line, key and the nearest known key."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.errors import UserError


class Section(BaseModel):
    """A table of settings; keys it does not know are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Parsed = TypeVar("Parsed", bound=Section)


def parse(kind: type[Parsed], text: str, path: Path) -> Parsed:
    """TOML text as a section; raise `UserError` that names the file, the line, the key and what is known."""
    try:
        return kind.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}{_line(text, first['loc'])}: {_complaint(kind, first)}") from None


def read(path: Path) -> str:
    """The text of a settings file; raise `UserError` when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"There is no settings file {path}: name one with --config FILE.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None


def _line(text: str, location: tuple[int | str, ...]) -> str:
    """The line on which a key stands, as ", line N", or nothing where it cannot be told."""
    table, wanted = "", [str(part) for part in location]
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("["):
            table = line.strip("[] ")
        key = ".".join(filter(None, (table, line.split("=")[0].strip(" \"'") if "=" in line else "")))
        if key == ".".join(wanted) or (line.startswith("[") and table == ".".join(wanted)):
            return f", line {number}"
    return ""


def _complaint(kind: type[BaseModel], error: Any) -> str:
    *table, key = [str(part) for part in error["loc"]]
    name = ".".join((*table, key))
    if error["type"] == "model_type":
        return f"{name} must be a table: write [{name}] and its keys below it."
    if error["type"] != "extra_forbidden":
        shown = "" if kind.model_config.get("hide_input_in_errors") else f" = {error['input']!r}"
        return f"{name}{shown} is wrong: {error['msg'].lower()}."
    for part in table:
        kind = kind.model_fields[part].annotation  # type: ignore[assignment]
    near = get_close_matches(key, kind.model_fields, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]!r}" if near else f"known here are {', '.join(kind.model_fields)}"
    return f"{name} is not a known key: {advice}?" if near else f"{name} is not a known key: {advice}."
