"""C compilers of this machine that share OpenMP threads with torch, and their flags.

Threads of two OpenMPs slow each other down, and on macOS may end the process. torch's wheels bring gcc's
OpenMP for Linux, which only gcc compiles for, and LLVM's for macOS, which clang does.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

FLAGS = (
    "-O3 -shared -fPIC -Wno-psabi "
    # sums in any order, but infinities and NaN stay, so that broken numbers remain visible
    "-fassociative-math -fno-signed-zeros -fno-trapping-math -fno-math-errno"
).split()
_VERSION_SECONDS = 10.0
_NAMES = {"linux": ("gcc",), "darwin": ("clang",)}
_SUFFIXES = {"linux": ".so", "darwin": ".dylib"}


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler and what it is called with, before the source; `links` follow the source."""

    command: tuple[str, ...]  # the compiler, with words of its own such as `ccache`
    version: str
    flags: tuple[str, ...]
    links: tuple[str, ...]
    suffix: str  # of a library's file name


def find_toolchains() -> Iterator[Toolchain]:
    """Yield what to try, best first: the compiler that CC names, then the system's own."""
    if sys.platform not in _NAMES or (sys.platform == "darwin" and not _has_command_line_tools()):
        return
    libomp = find_torch_libomp()
    for command in _commands(os.environ, sys.platform):
        version = read_version(command)
        yield from toolchains_of(command, version, libomp, platform.machine(), _SUFFIXES[sys.platform])


def missing_toolchain() -> tuple[str, str]:
    """Return why `find_toolchains` finds nothing here, and what to do about it."""
    if sys.platform == "linux":
        if shutil.which("gcc") is None:
            return "there is no gcc", "install gcc"
        return "gcc is another compiler by that name", "install gcc, or set CC to it"
    if sys.platform == "darwin":
        if not _has_command_line_tools():
            return "there is no compiler", "run xcode-select --install"
        return "torch and the compiler share no OpenMP", "install torch from its wheel"
    return "they are compiled on Linux and macOS alone", ""


def _commands(environment: Mapping[str, str], system: str) -> Iterator[tuple[str, ...]]:
    named = shlex.split(environment.get("CC", ""))
    for words in (named, *((name,) for name in _NAMES[system])):
        if words and (path := shutil.which(words[0])) is not None:
            yield (path, *words[1:])


def toolchains_of(
    command: Sequence[str], version: str, libomp: Path | None, machine: str, suffix: str
) -> Iterator[Toolchain]:
    """Yield the ways to call a compiler: for this very CPU, then for any of its kind.

    `libomp`: LLVM's OpenMP that torch brings; without it torch uses gcc's. Nothing for a compiler that has
    only another OpenMP than torch.
    """
    is_clang = "clang" in version.lower()
    if is_clang != (libomp is not None):
        return
    openmp = ("-Xclang", "-fopenmp") if is_clang else ("-fopenmp",)
    links = (str(libomp), f"-Wl,-rpath,{libomp.parent}") if libomp is not None else ()
    for cpu in _cpu_flags(machine):
        yield Toolchain(tuple(command), version, (*cpu, *openmp, *FLAGS), (*links, "-lm"), suffix)


def _cpu_flags(machine: str) -> tuple[tuple[str, ...], ...]:
    """Return the flags that name the CPU. Older releases of Apple's clang know no native CPU on ARM."""
    if machine.lower() in ("arm64", "aarch64"):
        return ("-mcpu=native",), ()
    return (("-march=native",),)


def find_torch_libomp() -> Path | None:
    """Return LLVM's OpenMP that torch's wheel brings, found without importing torch; None for gcc's."""
    spec = find_spec("torch")
    folders = [] if spec is None else spec.submodule_search_locations or []
    files = (Path(folder) / "lib" / "libomp.dylib" for folder in folders)
    return next((file for file in files if file.is_file()), None)


def read_version(command: Sequence[str]) -> str:
    """Return the first line that a compiler says of itself; empty where it says nothing."""
    return _output_of(*command, "--version").partition("\n")[0]


def cpu_name() -> str:
    """Return the name of the CPU on macOS, as "Apple M2"; empty elsewhere."""
    return _output_of("sysctl", "-n", "machdep.cpu.brand_string").strip() if sys.platform == "darwin" else ""


def _has_command_line_tools() -> bool:
    """Return whether macOS has its compiler; without, calling clang would open a window to install it."""
    return bool(_output_of("xcode-select", "-p"))


def _output_of(*command: str) -> str:
    """Return what a program prints; empty where it fails."""
    try:
        found = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=_VERSION_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout
