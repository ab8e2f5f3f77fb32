"""The packages `bot` and `training` as Windows would run them: poorer modules, stricter files, other signals.

Their modules are compiled with other names in their imports: `import os` becomes `import pretended.os as os`.
Libraries keep Linux. It finds code that cannot run on Windows; only Windows shows that nothing else breaks.
"""

import ast
import asyncio
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from tests.fakes.windows import files, kernel32
from tests.fakes.windows.modules import MISSING, NAME, shown_modules

OURS = ("bot", "training")


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in OURS


class _Imports(ast.NodeTransformer):
    """Imports of the modules that Windows has otherwise, under the names of what stands in for them."""

    def __init__(self, changed: frozenset[str]) -> None:
        self._changed = changed

    def visit_Import(self, node: ast.Import) -> ast.Import:
        for alias in node.names:
            if alias.name in self._changed:
                alias.asname = alias.asname or alias.name
                alias.name = f"{NAME}.{alias.name}"
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.module in self._changed:
            node.module = f"{NAME}.{node.module}"
        return node


class _Loader(SourceFileLoader):
    """Compiles a module with those imports, and leaves no bytecode of it on the disk."""

    def path_stats(self, path: str) -> Any:
        raise OSError("no bytecode is read or written")

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        tree = _Imports(MISSING | {*shown_modules}).visit(ast.parse(data, path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True, optimize=_optimize)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not is_ours(fullname):
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if found and type(found.loader) is SourceFileLoader:
            found.loader = _Loader(found.loader.name, found.loader.path)
        return found


def pretend_windows() -> None:
    """Show Windows to every module of `bot` and `training` that is imported from now on."""
    package = ModuleType(NAME)
    package.__path__ = []
    sys.modules[NAME] = package
    for name, module in shown_modules.items():
        sys.modules[f"{NAME}.{name}"] = module
    sys.meta_path.insert(0, _Finder())
    files.guard_files()
    kernel32.listen_for_console_end()
    for loop in (asyncio.AbstractEventLoop, asyncio.SelectorEventLoop):
        for method in ("add_signal_handler", "remove_signal_handler", "add_reader", "add_writer"):
            setattr(loop, method, _refusing(getattr(loop, method)))


def _refusing(method: Any) -> Any:
    """Return a method of a loop that Windows' loop has not; asyncio and libraries still have it."""

    def called(*given: Any, **named: Any) -> Any:
        if is_ours(sys._getframe(1).f_globals.get("__name__", "")):
            raise NotImplementedError
        return method(*given, **named)

    return called
