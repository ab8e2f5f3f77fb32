"""TOML files as checked settings. Errors name file, line, key and the nearest known key."""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.errors import UserError
from bot.foreign_names import answer_foreign_name
from bot.system.ownership import check_owner


class Section(BaseModel):
    """A table of settings; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_HEADER = re.compile(r"\[+([^][]+)]")
_LARGEST = 1 << 20  # bytes of a settings file
_MOST_COMPLAINTS = 10
_SHOWN = 100  # characters of a wrong value in an error
Parsed = TypeVar("Parsed", bound=Section)


def parse_toml(kind: type[Parsed], text: str, path: Path) -> Parsed:
    """Parse TOML text into a section. Raises `UserError` with the file and the line of each mistake."""
    try:
        return kind.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise UserError(f"{path}{_complaints(kind, text, error)}") from None
    except (ValueError, RecursionError) as error:  # also an endless number, and arrays nested without end
        raise UserError(f"{path} is not valid TOML: {error}.") from None


def check_values(kind: type[Parsed], values: Mapping[str, object]) -> Parsed:
    """Return values as a section. Raises `UserError` with the first of them that is wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(_complaint(kind, error.errors()[0])) from None


def read_toml(path: Path, advice: str) -> str:
    """Return the text of a settings file of this user. Raises `UserError`, with advice for a missing one."""
    check_owner(path)
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is not a file: {advice}.")
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path} has more than {_LARGEST:,} bytes: shorten it.")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"There is no settings file {path}: {advice}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None


def _complaints(kind: type[BaseModel], text: str, error: ValidationError) -> str:
    """Return one complaint a line of the file, in order, `_MOST_COMPLAINTS` at most."""
    lines, found = _lines(text), dict[int, str]()
    for each in error.errors():
        number = _line(lines, each["loc"])
        if number not in found:
            found[number] = _complaint(kind, each)
    numbers = sorted(found)
    told = [f"{f', line {number}' * (number > 0)}: {found[number]}" for number in numbers[:_MOST_COMPLAINTS]]
    more = f" There are {len(numbers) - len(told)} more mistakes." if len(numbers) > len(told) else ""
    return " Also".join(told) + more


def _line(lines: dict[str, int], location: tuple[int | str, ...]) -> int:
    """Return the line of a key, or of its table; 0 if neither is found."""
    for end in range(len(location), 0, -1):
        if number := lines.get(".".join(str(part) for part in location[:end])):
            return number
    return 0


def _lines(text: str) -> dict[str, int]:
    """Return the line number of each table and key, by dotted name."""
    table, lines = "", dict[str, int]()
    for number, line in enumerate(text.split("\n"), 1):
        key, equals, _ = line.partition("=")
        if header := _HEADER.match(line.strip()):
            table = header[1].strip()
            lines.setdefault(table, number)
        elif equals:
            lines.setdefault(".".join(filter(None, (table, key.strip(" \t\"'")))), number)
    return lines


def _shown(value: object) -> str:
    text = repr(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _complaint(kind: type[BaseModel], error: Any) -> str:
    *table, key = [str(part) for part in error["loc"]]
    name = ".".join((*table, key))
    if error["type"] == "model_type":
        return f"{name} must be a table: write [{name}] and its keys below it."
    if error["type"] != "extra_forbidden":
        shown = "" if kind.model_config.get("hide_input_in_errors") else f" = {_shown(error['input'])}"
        return f"{name}{shown} is wrong: {_wanted(error)}."
    if elsewhere := [other for other in _tables_with(kind, key) if other != ".".join(table)]:
        return f"{name} is not a known key: it belongs below [{elsewhere[0]}]."
    if answer := answer_foreign_name(key):
        return f"{name} is not a known key: {answer}."
    for part in table:
        kind = kind.model_fields[part].annotation  # type: ignore[assignment]
    near = get_close_matches(key, kind.model_fields, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]!r}" if near else f"known here are {', '.join(kind.model_fields)}"
    return f"{name} is not a known key: {advice}?" if near else f"{name} is not a known key: {advice}."


def _wanted(error: Any) -> str:
    """Return what a value should be, in the words of TOML."""
    value = error["input"]
    if error["type"] == "tuple_type":
        return f"write a list, such as [{_quoted(value)}]" if type(value) in (str, int) else "write a list"
    if error["type"] == "string_type" and isinstance(value, int | float):
        return f"write it in quotes, {_quoted(value)}"
    wanted = str(error["msg"]).partition(" for <")[0].removeprefix("Value error, ")  # without Python's names
    return f"{wanted[:1].lower()}{wanted[1:]}"


def _quoted(value: object) -> str:
    return f'"{_shown(value)}"' if not isinstance(value, str) else f'"{value[:_SHOWN]}"'


def _tables_with(kind: type[BaseModel], key: str) -> list[str]:
    """Return the names of the tables in which a key is known."""
    tables = ((name, field.annotation) for name, field in kind.model_fields.items())
    return [
        name
        for name, table in tables
        if isinstance(table, type) and issubclass(table, BaseModel) and key in table.model_fields
    ]
