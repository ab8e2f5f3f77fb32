"""Calls and results held against the published description of the Bot API, where it is at hand."""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from tests.fakes.telegram.refusal import Json

NAME = "telegram-bot-api.json"
ROOT = Path(__file__).parents[3]
ABSENT = (
    "telegram-bot-api.json is not at hand: set ALTEREGO_SPECS to its folder, or put it in ../shared/specs"
)
# newer than the description, which is of Bot API 10.1
NEWER: dict[str, dict[str, list[str]]] = {
    "sendMessageDraft": {"can_stop": ["Boolean"]},
    "sendRichMessageDraft": {"can_stop": ["Boolean"]},
}
ALWAYS = re.compile('always ["“](.+?)["”]')
PLAIN: dict[str, tuple[type, ...]] = {
    "Integer": (int,),
    "Float": (int, float),
    "String": (str,),
    "Boolean": (bool,),
    "True": (bool,),
}


class Spec:
    """Finds what is unknown, missing or of a wrong type; finds nothing where the description is absent."""

    def __init__(self, document: Json | None) -> None:
        self.present = document is not None
        self._types: Json = document["types"] if document else {}
        self.methods: Json = document["methods"] if document else {}

    @classmethod
    def find(cls) -> "Spec":
        folder = os.environ.get("ALTEREGO_SPECS")
        path = (Path(folder) if folder else ROOT.parent / "shared" / "specs") / NAME
        return cls(_load(path))

    def call(self, method: str, arguments: Json, files: set[str]) -> list[str]:
        """Return the errors of a call's parameters, given as texts of a form or as JSON values."""
        if method not in self.methods:
            return []
        fields = {f["name"]: f for f in self.methods[method].get("fields", [])}
        newer = NEWER.get(method, {})
        missing = [
            f"{n}: missing" for n, f in fields.items() if f["required"] and n not in {*arguments, *files}
        ]
        unknown = [
            f"{n}: unknown parameter"
            for n in {*arguments, *files} - {*fields, *newer}
            if not attached(n, arguments)
        ]
        wrong = []
        for name, value in arguments.items():
            types = fields[name]["types"] if name in fields else newer.get(name)
            if types and "InputFile" not in types:
                wrong += self._value(read(value, types), types, name)
        return [f"{method}: {problem}" for problem in missing + unknown + wrong]

    def result(self, method: str, value: Any) -> list[str]:
        types = self.methods.get(method, {}).get("returns", [])
        return (
            [f"{method} answered {problem}" for problem in self._value(value, types, "result")]
            if types
            else []
        )

    def update(self, value: Json) -> list[str]:
        return [f"update {problem}" for problem in self._value(value, ["Update"], "")] if self.present else []

    def _value(self, value: Any, types: list[str], path: str) -> list[str]:
        """The problems by the type that fits best."""
        return min((self._one(value, kind, path) for kind in types), key=len)

    def _one(self, value: Any, kind: str, path: str) -> list[str]:
        if kind.startswith("Array of "):
            if not isinstance(value, list):
                return [f"{path}: not an array"]
            inner = kind.removeprefix("Array of ")
            return [p for n, v in enumerate(value) for p in self._one(v, inner, f"{path}[{n}]")]
        if kind in PLAIN:
            fits = isinstance(value, PLAIN[kind]) and isinstance(value, bool) == (bool in PLAIN[kind])
            return [] if fits else [f"{path}: {type(value).__name__} is no {kind}"]
        described = self._types[kind]
        if subtypes := described.get("subtypes"):
            return self._value(value, subtypes, path)
        return self._object(value, kind, described.get("fields", []), path)

    def _object(self, value: Any, kind: str, fields: list[Json], path: str) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path}: {type(value).__name__} is no {kind}"]
        known = {f["name"]: f for f in fields}
        missing = [
            f"{path}.{n}: missing in {kind}" for n, f in known.items() if f["required"] and n not in value
        ]
        unknown = [f"{path}.{n}: unknown in {kind}" for n in value if n not in known]
        inner = [
            p
            for n, v in value.items()
            if n in known
            for p in self._value(v, known[n]["types"], f"{path}.{n}")
        ]
        fixed = [
            f"{path}.{n}: is not always {match[1]!r} in {kind}"
            for n, f in known.items()
            if n in value and (match := ALWAYS.search(f["description"])) and value[n] != match[1]
        ]
        return missing + unknown + inner + fixed


@cache
def _load(path: Path) -> Json | None:
    document: Json | None = json.loads(path.read_text()) if path.is_file() else None
    return document


def attached(name: str, arguments: Json) -> bool:
    """Whether a part of a form is a file that another parameter names as attach://NAME."""
    return any(isinstance(value, str) and f"attach://{name}" in value for value in arguments.values())


def read(value: Any, types: list[str]) -> Any:
    """A parameter's value: a form gives all as text, which is JSON unless a text is called for."""
    if not isinstance(value, str) or types == ["String"]:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
