"""The keys of `[training]` and of a recipe's file, as help and docs/training.md show them."""

import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from bot.persona.training_options import TrainingOptions
from training.planning.recipe import (
    LARGE_MODEL,
    MANY_ANSWERS,
    SMALL_MODEL,
    SOME_ANSWERS,
    RecipeInputs,
    default_rules,
)

_OF_INPUTS = {  # defaults that the base model and the machine give
    "layers": "",
    "precision": "as the base model is served",
    "device": "",
}
_PLAIN = RecipeInputs(int(SMALL_MODEL), 1, 1, (), "", "cpu")
_KINDS = {int: "whole number", float: "number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class RecipeKey:
    """A key: the values that it takes, their unit, the default with its reason, and what the key means."""

    name: str
    values: str
    unit: str
    default: str
    meaning: str


def recipe_keys() -> list[RecipeKey]:
    """Return all keys, in the order of a recipe."""
    defaults = _defaults()
    return [
        RecipeKey(name, _values(field), _unit(field), defaults[name], field.description or "")
        for name, field in TrainingOptions.model_fields.items()
    ]


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra["unit"]) if isinstance(extra, dict) else ""


def _values(field: FieldInfo) -> str:
    """Return the values that a key takes, in words."""
    kind = next(each for each in get_args(field.annotation) if each is not type(None))
    while get_origin(kind) is typing.Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        return ", ".join(json.dumps(choice) for choice in get_args(kind))
    if kind not in _KINDS:
        return "text in quotes" if kind is str else "list of texts"
    return " ".join(filter(None, (_KINDS[kind], _range(field))))


def _range(field: FieldInfo) -> str:
    """Return the limits of a number, such as "from 1 to 256" or "above 0"."""
    words = list[str]()
    for limit in field.metadata:
        match limit:
            case Ge(ge):
                words.append(f"from {ge:g}")
            case Gt(gt):
                words.append(f"above {gt:g}")
            case Le(le):
                words.append(f"to {le:g}")
            case Lt(lt):
                words.append(f"and below {lt:g}")
    return " ".join(words)


def _defaults() -> dict[str, str]:
    """Return the default of each key with its reason, for each case in which the recipe chooses another."""
    found: dict[str, dict[str, list[Any]]] = {}
    for inputs in _cases():
        for key, (value, reason) in default_rules(inputs).items():
            values = found.setdefault(key, {}).setdefault(reason, [])
            if value not in values:
                values.append(value)
    return {key: "; ".join(_told(key, *case) for case in cases.items()) for key, cases in found.items()}


def _told(key: str, reason: str, values: list[Any]) -> str:
    shown = _OF_INPUTS[key] if key in _OF_INPUTS else " or ".join(json.dumps(value) for value in values)
    return ": ".join(filter(None, (shown, reason)))


def _cases() -> Iterator[RecipeInputs]:
    """Yield data, base models and machines for which a recipe chooses different values."""
    for answers in (1, SOME_ANSWERS + 1, MANY_ANSWERS + 1):
        yield replace(_PLAIN, answers=answers)
    for parameters in (SMALL_MODEL / 2, LARGE_MODEL * 2):
        yield replace(_PLAIN, parameters=int(parameters))
    yield replace(_PLAIN, device="cuda")
