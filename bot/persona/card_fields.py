"""Fields of a card's JSON in every known layout, and wrong types with a plain meaning made right."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from bot.errors import UserError

_FLAT = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
_TEXTS = (*_FLAT[1:], "system_prompt", "post_history_instructions", "nickname", "creator_notes")
_NEEDED = _FLAT  # of another type, they are refused
_LISTS = ("alternate_greetings", "group_only_greetings", "tags")
_OBJECTS = ("character_book", "extensions")
_NEAR = 0.8  # of the likeness of two names, from which one is the other with a mistake
_COMMAS = re.compile("[,;\n，、]")
_MOST_UNUSED, _LONGEST_NAME = 30, 100  # names of unused fields, and their characters
# fields about the card itself, which change no conversation anywhere, and one that is used
_WITHOUT_MEANING = frozenset(
    """spec spec_version data creator character_version avatar chat create_date creation_date source fav
    modification_date creator_notes_multilingual persona kind extensions.fav extensions.chub
    extensions.depth_prompt""".split()
)
# names of fields in Pygmalion, text-generation-webui, Agnai, Character.AI and SillyTavern
_OTHER_NAMES = {
    "name": ("char_name",),
    "description": ("char_persona", "context"),
    "scenario": ("world_scenario",),
    "first_mes": ("char_greeting", "greeting"),
    "mes_example": ("example_dialogue", "sampleChat", "definition"),
    "alternate_greetings": ("alternateGreetings",),
    "creator_notes": ("creatorcomment",),
    "system_prompt": ("systemPrompt",),
    "post_history_instructions": ("postHistoryInstructions",),
    "character_book": ("characterBook",),
}


def clean_text(text: str) -> str:
    """Return a text without NUL and lone surrogates, which can neither be stored nor prompted."""
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def find_fields(original: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a card's JSON object under the names of version 2. Raises `UserError`.

    Where a card has fields both beside its "data" and in it, those in it count.
    """
    data = original.get("data")
    if isinstance(data, dict):
        flat = {field: original[field] for field in _FLAT if field in original}
        fields = {**flat, **{field: value for field, value in data.items() if value or field not in flat}}
    elif {"spec", "data"} & original.keys() and "name" not in original:
        raise UserError('its "data" is not an object')
    elif isinstance(inner := original.get("character"), dict) and "name" not in original:
        fields = inner
    else:
        fields = original
    return _renamed(fields)


def mend_fields(fields: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the fields in the types that a card has, and a warning that names those of another type.

    A needed text of another type stays as it is, to be refused; an optional field without a plain meaning is
    left out. The warning is empty where all types are right.
    """
    mended, left_out, read = dict(fields), list[str](), list[str]()
    for field, value, mend in _mendable(fields):
        right, is_whole = mend(field, value)
        if right is value:
            continue
        mended[field] = right
        if value:
            (read if is_whole else left_out).append(field)
    parts = [f"{', '.join(left_out)} left out"] if left_out else []
    parts += [f"{', '.join(read)} read where plain"] if read else []
    return mended, f"fields of the wrong type: {'; '.join(parts)}" if parts else ""


def unused_fields(fields: Mapping[str, Any], used: Collection[str]) -> tuple[str, ...]:
    """Return the names of fields that hold something and are not used; extensions by their own names."""
    extensions = fields.get("extensions")
    others = extensions.items() if isinstance(extensions, dict) else ()
    named = {**fields, **{f"extensions.{name}": value for name, value in others}}
    aliases = {other for names in _OTHER_NAMES.values() for other in names}
    known = {*used, *aliases, *_WITHOUT_MEANING}
    unused = (name for name, value in named.items() if value and name not in known)
    return tuple(clean_text(name[:_LONGEST_NAME]) for name in islice(unused, _MOST_UNUSED))


def misspelt_fields(unused: Collection[str], fields: Mapping[str, Any], known: Collection[str]) -> str:
    """Return a clause about unused fields that are nearly called as an empty one of a card; else empty."""
    empty = [name for name in known if not fields.get(name)]
    near = {name: get_close_matches(name, empty, n=1, cutoff=_NEAR) for name in unused}
    meant = [
        f'"{name}" is no field of a card: did you mean "{found[0]}"?' for name, found in near.items() if found
    ]
    return " ".join(meant)


def _mendable(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for field in _TEXTS:
        if field in fields and not isinstance(fields[field], str):
            yield field, fields[field], _mend_text
    for field in _LISTS:
        if field in fields:
            yield field, fields[field], _mend_list
    for field in _OBJECTS:
        if not isinstance(fields.get(field), dict | list):
            yield field, fields.get(field), lambda _, value: (None, False)


def _renamed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with those of other programs under the names of version 2."""
    renamed = dict(fields)
    if isinstance(persona := fields.get("persona"), dict) and "attributes" in persona:  # Agnai
        renamed |= {"description": _attributes(persona), "creator_notes": fields.get("description")}
    for field, others in _OTHER_NAMES.items():
        found = (fields[other] for other in others if fields.get(other))
        if not renamed.get(field) and (value := next(found, None)):
            renamed[field] = value
    return renamed


def _attributes(persona: Mapping[str, Any]) -> str:
    """Return Agnai's attributes of a character as lines; a plain text is an attribute named "text"."""
    attributes = persona["attributes"] if isinstance(persona["attributes"], dict) else {}
    lines = list[str]()
    for name, values in attributes.items():
        words = ", ".join(map(str, values)) if isinstance(values, list) else str(values)
        lines.append(words if name == "text" else f"{name}: {words}")
    return "\n".join(lines)


def _mend_text(field: str, value: Any) -> tuple[Any, bool]:
    """Return a text from a value of another type, and whether its meaning is plain."""
    if not value and not _is_number(value):
        return "", True
    if _is_number(value):
        return str(value), True
    if field == "mes_example" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n<START>\n".join(value), True
    return (value, False) if field in _NEEDED else ("", False)


def _mend_list(field: str, value: Any) -> tuple[Any, bool]:
    """Return a list of texts from any value, and whether its meaning is plain; a number is no greeting."""
    is_tags = field == "tags"
    if isinstance(value, str):
        items = _COMMAS.split(value) if is_tags else [value]
        texts = [item.strip() if is_tags else item for item in items if item.strip()]
        return ([], False) if not is_tags and value.strip().isdecimal() else (texts, True)
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return [], False
    if all(item is None or isinstance(item, str) for item in value):
        return value, True
    kept = [str(item) if is_tags and _is_number(item) else item for item in value]
    texts = [item for item in kept if item is None or isinstance(item, str)]
    return texts, bool(texts)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
