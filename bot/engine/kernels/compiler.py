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
from bot.engine.kernels.toolchain import Toolchain, cpu_name, find_toolchains, missing_toolchain
from bot.system.user_folders import cache_folder, check_own_folder

logger = logging.getLogger(__name__)

_MAIN = ("native.c", "quantised.c")  # they include the other files
_OUTPUT = "library"
_TIMEOUT_SECONDS = 60.0  # a compilation takes eight
_MOST_SAID = 400  # characters of a compiler's complaint


class LibraryError(Exception):
    """There is no library: `str` of it is the reason, and `remedy` what to do, empty where nothing helps."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


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
    try:
        return make_library(folder)
    except LibraryError as problem:
        if problem.__cause__:  # a machine without a compiler is not worth a line at each start
            _log_fallback(str(problem))
        return None


def make_library(folder: Path | None = None) -> Path:
    """Return the path of the compiled library. Raises `LibraryError` with the first compiler's fault."""
    problems: list[OSError | subprocess.SubprocessError] = []
    sources = read_sources()
    for toolchain in find_toolchains():
        try:
            store = LibraryStore(folder or cache_folder(), _digest(sources, toolchain), toolchain.suffix)
            return store.find() or _compile(sources, toolchain, store)
        except (OSError, subprocess.SubprocessError) as problem:
            problems.append(problem)
    if problems:
        raise _explained(problems[0]) from problems[0]
    raise LibraryError(*missing_toolchain())


def stored_library(folder: Path | None = None) -> Path | None:
    """Return the path of a library that is compiled already, as its name says; nothing is read or made.

    Raises `LibraryError` where the folder is not the user's own or cannot be made.
    """
    try:
        folder, sources = folder or cache_folder(), read_sources()
        check_own_folder(folder)
    except OSError as problem:
        raise _explained(problem) from problem
    names = (f"native-{_digest(sources, each)}-*{each.suffix}" for each in find_toolchains())
    return next((path for name in names for path in sorted(folder.glob(name))), None)


def _explained(problem: OSError | subprocess.SubprocessError) -> LibraryError:
    """Return the reason and the remedy: an `OSError` is the cache folder's, any other the compiler's."""
    if isinstance(problem, OSError):
        place = f"{problem.filename}: " if problem.filename else ""
        remedy = "mend that, or set XDG_CACHE_HOME to a folder of your own"
        return LibraryError(f"{place}{problem.strerror or problem}", remedy)
    if isinstance(problem, subprocess.TimeoutExpired):
        reason = f"the compiler took more than {_TIMEOUT_SECONDS:.0f} seconds"
        return LibraryError(reason, "start again when the machine has less to do")
    said = (getattr(problem, "stderr", None) or str(problem)).strip()
    return LibraryError(f"the compiler fails ({said[-_MOST_SAID:]})", "mend it, or set CC to another one")


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
        _run_compiler(toolchain, folder)
        return store.keep(folder / _OUTPUT)


def _run_compiler(toolchain: Toolchain, folder: Path) -> None:
    """Compile the sources in a folder. Raises `SubprocessError` where that leaves no library."""
    command = [*toolchain.command, *toolchain.flags, *_MAIN, "-o", _OUTPUT, *toolchain.links]
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "cwd": folder}
    try:
        subprocess.run(command, check=True, timeout=_TIMEOUT_SECONDS, **options)  # type: ignore[call-overload]
    except OSError as error:
        raise subprocess.SubprocessError(f"{command[0]} cannot be run: {error.strerror}") from error
    output = folder / _OUTPUT
    if not output.exists() or not output.stat().st_size:
        raise subprocess.SubprocessError("it wrote no library")


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
