"""The keys of persona.toml as a form shows them, and changes that keep the comments of the file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel
from tomlkit.exceptions import TOMLKitError

from bot.chat.scoped_sampling import SAMPLING_VALUES
from bot.errors import UserError
from bot.persona.card_fields import clean_text
from bot.persona.history_limits import HistoryLimits
from bot.persona.persona import PersonaFile, Sampling
from bot.persona.training_options import TrainingOptions
from bot.toml import parse_toml

KeyValue = str | int | float | bool | list[str] | None  # None: the key is left out of the file
_PATHS = ("card", "adapter", "avatar")  # the owner names files in the file itself
_TABLES: dict[str, type[BaseModel]] = {
    "sampling": Sampling,
    "history": HistoryLimits,
    "training": TrainingOptions,
}
_KINDS = ("boolean", "integer", "number", "array")
_HELP = {
    "names": "what it answers to, beside its card's name",
    "strength": "of its adapter",
    "bursts": "each line of an answer is a message of its own",
    "template": "a chat template in place of the model's",
    "speaker_names": "when speakers' names stand in prompts",
    "avatar_url": "a picture on the web, https",
    "notices": "what it reads beside messages",
}


def key_fields(keys: PersonaFile) -> list[dict[str, object]]:
    """Return each key that a form edits: kind, bounds, default and help, and its value where it is set."""
    return [
        *_fields("", PersonaFile, keys),
        *(field for name, kind in _TABLES.items() for field in _fields(name, kind, getattr(keys, name))),
    ]


def change_keys(text: str, changes: Mapping[str, KeyValue], path: Path) -> tuple[str, PersonaFile]:
    """Return the text of a persona.toml with these keys, and what is read from it.

    Raises `UserError` for a key that no form edits, and for values that the file could not have.
    """
    known = {str(field["name"]) for field in key_fields(PersonaFile())}
    for name in changes:
        if name not in known:
            raise UserError(f"{clean_text(name)[:60]!r} is no key that can be set here.")
    changed = _with_keys(text, changes, path)
    return changed, parse_toml(PersonaFile, changed, path)


def _with_keys(text: str, changes: Mapping[str, KeyValue], path: Path) -> str:
    try:
        document = tomlkit.parse(text)
        for name, value in changes.items():
            table, _, key = name.rpartition(".")
            if table and table not in document:
                document[table] = tomlkit.table()
            holder: Any = document[table] if table else document
            if value is None:
                holder.pop(key, None)
            else:
                holder[key] = clean_text(value) if isinstance(value, str) else value
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from None


def _fields(table: str, kind: type[BaseModel], keys: BaseModel) -> Iterator[dict[str, object]]:
    schema = kind.model_json_schema()
    for name, told in schema["properties"].items():
        if name in _PATHS or "$ref" in told:
            continue
        whole = f"{table}.{name}" if table else name
        shape = _shape(told)
        value = getattr(keys, name)
        yield {
            "name": whole,
            "kind": next((each for each in _KINDS if shape.get("type") == each), "text"),
            "choices": shape.get("enum") or shape.get("items", {}).get("enum"),
            "min": shape.get("minimum", shape.get("exclusiveMinimum")),
            "max": shape.get("maximum", shape.get("exclusiveMaximum")),
            "default": told.get("default"),
            "help": SAMPLING_VALUES.get(name)
            if table in ("sampling", "history")
            else told.get("description") or _HELP.get(name),
            "value": value if name in keys.model_fields_set else None,
        }


def _shape(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a key's schema that tells its type; an optional key may be absent too."""
    return next((each for each in told.get("anyOf", ()) if each.get("type") != "null"), told)
