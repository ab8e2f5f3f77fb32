"""native.c made a library for this very processor, once, by the C compiler gcc where it is at hand."""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from importlib import resources
from pathlib import Path

logger = logging.getLogger(__name__)

FLAGS = (
    "-O3 -march=native -fopenmp -shared -fPIC -Wno-psabi "
    # sums in any order, but infinities and NaN as they are: numbers that broke must be seen to have
    "-fassociative-math -fno-signed-zeros -fno-trapping-math -fno-math-errno"
).split()
_TIMEOUT_SECONDS = 60.0  # seconds for what takes four


def cache_folder() -> Path:
    """Where it is kept: it depends on nothing but this machine, so every data folder of a user shares it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "alterego"


class LibraryBuild:
    """The library in the making on a thread of its own, while others import and convert."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._thread = threading.Thread(target=self._run, name="compiler", daemon=True)
        self._thread.start()

    def library(self) -> ctypes.CDLL | None:
        """Wait for it; None where there is none. Call it when torch is imported, whose threads it shares."""
        self._thread.join()
        return open_library(self._path)

    def _run(self) -> None:
        self._path = build_library()


def load_library(folder: Path | None = None) -> ctypes.CDLL | None:
    """The library, made now unless the folder has it; None without a compiler, or when it fails."""
    return open_library(build_library(folder))


def build_library(folder: Path | None = None) -> Path | None:
    """Where the library is, as soon as it is there; None where it cannot be made."""
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    source = resources.files("bot.engine.kernels").joinpath("native.c").read_bytes()
    try:
        path = (folder or cache_folder()) / f"native-{_digest(source, compiler)}.so"
        if not path.exists():
            _compile(source, compiler, path)
        return path
    except (OSError, RuntimeError, subprocess.SubprocessError) as problem:  # RuntimeError: nobody's home
        _log_fallback(getattr(problem, "stderr", None) or str(problem))
        return None


def open_library(path: Path | None) -> ctypes.CDLL | None:
    """The library in this process; None where it cannot serve."""
    try:
        return None if path is None or _has_other_threads() else ctypes.CDLL(str(path))
    except OSError as problem:
        _log_fallback(str(problem))
        return None


def _log_fallback(reason: str) -> None:
    logger.info("Operations in C could not be compiled, those of torch serve: %s", reason.strip()[-500:])


def _compile(source: bytes, compiler: str, path: Path) -> None:
    """Whole or not at all, also when two processes begin at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        (made.parent / "native.c").write_bytes(source)
        command = [compiler, *FLAGS, str(made.parent / "native.c"), "-o", str(made), "-lm"]
        quiet = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        subprocess.run(command, check=True, timeout=_TIMEOUT_SECONDS, **quiet)  # type: ignore[call-overload]
        made.replace(path)


def _digest(source: bytes, compiler: str) -> str:
    """Of all that the library depends on: a folder may be carried to another machine."""
    parts = (
        source,
        " ".join(FLAGS).encode(),
        compiler.encode(),
        platform.machine().encode(),
        _cpu_features(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _has_other_threads() -> bool:
    """Whether torch computes with another OpenMP than gcc's: the threads of two disturb each other."""
    loaded = Path("/proc/self/maps").read_text()
    return "/libiomp" in loaded or "/libomp" in loaded


def _cpu_features() -> bytes:
    """What this processor can do, as Linux tells; nothing where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return b""
    return next((line for line in lines if line.startswith((b"flags", b"Features"))), b"")
