"""Every public function and method that takes words of strangers, found by the names of its parameters."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

FOLDERS = (
    *("bot.text", "bot.persona", "bot.prompt", "bot.message", "bot.system.console", "bot.chat"),
    *(
        "bot.platforms",
        "bot.engine.core",
        "bot.api",
        "training.scrub",
        "training.importers",
        "training.dataset",
    ),
    "training.store.messages",
    "training.store.participants",
)
PARAMETERS = frozenset(
    "text texts message messages history line content raw name value update folded parts words piece".split()
)


def find_readers() -> dict[str, Callable[..., Any]]:
    """Return the readers of all folders by dotted name."""
    return {
        f"{name}.{label}": function
        for name in _modules()
        for label, function in _functions(name)
        if PARAMETERS & inspect.signature(function).parameters.keys()
    }


def is_alone(function: Callable[..., Any]) -> bool:
    """Return whether a reader wants a text and nothing else."""
    wanted = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    return [each.annotation for each in wanted] == [str]


def _modules() -> Iterator[str]:
    for folder in FOLDERS:
        yield folder
        package = importlib.import_module(folder)
        path = getattr(package, "__path__", [])
        yield from (each.name for each in pkgutil.walk_packages(path, f"{folder}."))


def _functions(module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public functions of a module, and the public methods of its public classes."""
    for label, value in vars(importlib.import_module(module)).items():
        if label.startswith("_") or getattr(value, "__module__", "") != module:
            continue
        if inspect.isfunction(value):
            yield label, value
        elif inspect.isclass(value):
            yield from (
                (f"{label}.{method}", function)
                for method, function in vars(value).items()
                if inspect.isfunction(function) and (not method.startswith("_") or method == "__call__")
            )
