"""Every compiled pattern of the program, and whether it is tried at one place of a text or at every place."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.paths import ROOT

ONE_PLACE = {"match", "fullmatch"}


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of ours that uses regular expressions, as a syntax tree, by dotted name."""
    found = {}
    for package in ("bot", "training"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            if "import re\n" in text:
                found[name_of(path)] = ast.parse(text)
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def compiled() -> dict[str, "re.Pattern[Any]"]:
    """Every pattern that a module holds, by the module's name and its own."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in sources():
        for name, value in vars(importlib.import_module(module)).items():
            for label, pattern in patterns_in(name, value, 0):
                found.setdefault(f"{module}.{label}", pattern)
    owners: dict[int, str] = {}
    return {
        label: pattern
        for label, pattern in found.items()
        if owners.setdefault(id(pattern), label) == label or "." not in label
    }


def patterns_in(name: str, value: Any, depth: int) -> Iterator[tuple[str, "re.Pattern[Any]"]]:
    """Yield the patterns of a module's value: in lists, tables and our own objects too."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif depth < 3 and isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from patterns_in(f"{name}[{number}]", each, depth + 1)
    elif depth < 3 and isinstance(value, dict) and not name.startswith("__"):
        for key, each in list(value.items()):
            yield from patterns_in(f"{name}[{key}]", each, depth + 1)
    elif depth < 3 and type(value).__module__.startswith(("bot.", "training.")):
        for field in getattr(type(value), "__dataclass_fields__", ()):
            yield from patterns_in(f"{name}.{field}", getattr(value, field, None), depth + 1)


def methods(name: str, module: str) -> set[str]:
    """The methods that are called on a pattern: a private one in its module, another one anywhere."""
    trees = [sources()[module]] if name.startswith("_") else sources().values()
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1] == name
    }


def is_tried_at_one_place(label: str) -> bool:
    module, name = label.rsplit(".", 1)
    used = methods(name, module) if module in sources() else set()
    return bool(used) and used <= ONE_PLACE


def written_inside() -> Iterator[tuple[str, str]]:
    """Yield (module.function:source) and method of each pattern that is written where it is used."""
    for module, tree in sources().items():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and re.fullmatch(r"re\.(?!escape)\w+", ast.unparse(node.func)):
                    method = ast.unparse(node.func).removeprefix("re.")
                    yield f"{module}.{function.name}: {ast.unparse(node.args[0])}", method
