"""Every cache of a function has a bound, and those without one have no argument that grows."""

import ast
from pathlib import Path

from tests.paths import ROOT

FILES = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("training/**/*.py")])
# functions of a few fixed arguments: names of lists, modules and platforms, and files of this program
FIXED = {"_is_open_to_all", "word_list", "word_set", "_validator", "open_phrase_book", "phrases_of"}


def caches(path: Path) -> list[tuple[str, ast.expr, ast.FunctionDef]]:
    """Return the name of each cached function with its decorator."""
    return [
        (node.name, decorator, node)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if ast.unparse(decorator).partition("(")[0] in ("cache", "lru_cache", "functools.cache")
    ]


def test_a_cached_function_has_a_bound_or_no_argument() -> None:
    found = [(path, *cached) for path in FILES for cached in caches(path)]
    assert found
    for path, name, decorator, function in found:
        if ast.unparse(decorator) == "cache":
            assert not function.args.args or name in FIXED, f"{path}: {name} keeps each argument for ever"
        else:
            assert isinstance(decorator, ast.Call), f"{path}: {name} names no bound"
            bounds = [*decorator.args, *(keyword.value for keyword in decorator.keywords)]
            assert bounds, f"{path}: {name} names no bound"
            assert not any(isinstance(bound, ast.Constant) and bound.value is None for bound in bounds)
