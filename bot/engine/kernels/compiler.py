"""Compilation of `csrc/` into a shared library for this CPU, where a compiler is installed."""

import ctypes
import hashlib
import logging
import platform
import subprocess
import threading
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from bot.engine.kernels.library_store import LibraryStore
from bot.engine.kernels.toolchain import Toolchain, cpu_name, find_toolchains
from bot.system.user_folders import cache_folder

logger = logging.getLogger(__name__)

_MAIN = "native.c"  # includes the other files: one translation unit
_OUTPUT = "library"
_TIMEOUT_SECONDS = 60.0  # a compilation takes four


class LibraryBuild:
    """A compilation on a thread of its own, while other threads import and convert."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._thread = threading.Thread(target=self._run, name="compiler", daemon=True)
        self._thread.start()

    def library(self) -> ctypes.CDLL | None:
        """Wait for the library; None where the machine cannot build one.

        Call this after the import of torch: the library uses torch's OpenMP threads.
        """
        self._thread.join()
        return open_library(self._path)

    def _run(self) -> None:
        self._path = build_library()


def load_library(folder: Path | None = None) -> ctypes.CDLL | None:
    """Load the library, compiled now unless the folder has it; None without a compiler or on its failure."""
    return open_library(build_library(folder))


def build_library(folder: Path | None = None) -> Path | None:
    """Return the path of the compiled library; None where it cannot be compiled."""
    problems: list[Exception] = []
    sources = read_sources()
    for toolchain in find_toolchains():
        try:
            store = LibraryStore(folder or cache_folder(), _digest(sources, toolchain), toolchain.suffix)
            return store.find() or _compile(sources, toolchain, store)
        except (OSError, subprocess.SubprocessError) as problem:
            problems.append(problem)
    if problems:
        _log_fallback(getattr(problems[0], "stderr", None) or str(problems[0]))
    return None


def read_sources() -> Mapping[str, bytes]:
    """Return all C files by name, sorted; also those of a zipped package."""
    files = resources.files("bot.engine.kernels").joinpath("csrc").iterdir()
    chosen = sorted((file for file in files if file.name.endswith((".c", ".h"))), key=lambda file: file.name)
    return {file.name: file.read_bytes() for file in chosen}


def open_library(path: Path | None) -> ctypes.CDLL | None:
    """Load a compiled library into this process; None where it cannot be used."""
    try:
        if path is None or _has_other_openmp():
            return None
        library = ctypes.CDLL(str(path))
        library.simd_name.restype = ctypes.c_char_p
        instructions = library.simd_name().decode()
        logger.debug("native_operations_loaded", extra={"instructions": instructions})
        return library
    except OSError as problem:
        _log_fallback(str(problem))
        return None


def _log_fallback(reason: str) -> None:
    logger.info("native_operations_unavailable", extra={"fallback": "torch", "reason": reason.strip()[-500:]})


def _compile(sources: Mapping[str, bytes], toolchain: Toolchain, store: LibraryStore) -> Path:
    """Compile in a folder of its own, with names alone, so that two processes write the same bytes."""
    with store.draft_folder() as folder:
        for source, content in sources.items():
            (folder / source).write_bytes(content)
        command = [*toolchain.command, *toolchain.flags, _MAIN, "-o", _OUTPUT, *toolchain.links]
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "cwd": folder}
        subprocess.run(command, check=True, timeout=_TIMEOUT_SECONDS, **options)  # type: ignore[call-overload]
        return store.keep(folder / _OUTPUT)


def _digest(sources: Mapping[str, bytes], toolchain: Toolchain) -> str:
    """Hash all that the library depends on: somebody may carry the folder to another machine."""
    parts = [part for name, content in sources.items() for part in (name.encode(), content)]
    words = *toolchain.command, toolchain.version, *toolchain.flags, *toolchain.links, platform.machine()
    parts += [word.encode() for word in words] + [cpu_features()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _has_other_openmp() -> bool:
    """Return whether torch was built for another OpenMP than gcc's, which the library was compiled for.

    Only on Linux: elsewhere the library is linked with the very OpenMP that torch brings.
    """
    maps = Path("/proc/self/maps")
    loaded = maps.read_text() if maps.exists() else ""
    return "/libiomp" in loaded or "/libomp" in loaded


def cpu_features() -> bytes:
    """Return the CPU flags that Linux lists, or the CPU's name on macOS; empty where there is neither."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return cpu_name().encode()
    return next((line for line in lines if line.startswith((b"flags", b"Features"))), b"")
