"""Why there is no compiled library: each cause has its own remedy, which `doctor` tells."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.doctor import run_checks
from bot.engine.kernels import compiler, toolchain
from bot.engine.kernels.compiler import LibraryError, make_library
from tests.bot.engine.kernels.test_compiler import fake_compiler, needs_compiler
from tests.security.planting import PLANT, needs_root

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="of compilers on Linux")


async def told(tmp_path: Path) -> str:
    """What `doctor` says of the kernels."""
    (tmp_path / "config.toml").touch()
    findings = await run_checks(tmp_path / "config.toml")
    return next(finding.text for finding in findings if finding.subject == "native")


def replace_by_file(folder: Path) -> None:
    folder.rmdir()
    folder.touch()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for libraries, made by an earlier start."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "above"))
    (tmp_path / "above/alterego").mkdir(parents=True)
    return tmp_path / "above/alterego"


@needs_root
@needs_compiler
@pytest.mark.parametrize("way", ["another's", "another's link"])
async def test_a_foreign_cache_folder_is_named_and_no_compiler(tmp_path: Path, cache: Path, way: str) -> None:
    PLANT[way](cache)
    assert await told(tmp_path) == (
        f"not compiled: {cache} is not a folder of your own: remove it; on a CPU answers take up to twice as "
        "long; mend that, or set XDG_CACHE_HOME to a folder of your own"
    )


@needs_root
@needs_compiler
@pytest.mark.parametrize("way", PLANT)
async def test_a_folder_above_that_others_may_write_is_named(tmp_path: Path, cache: Path, way: str) -> None:
    PLANT[way](cache.parent)
    text = await told(tmp_path)
    assert text.startswith(f"not compiled: {cache.parent} ")
    assert "chmod o-w" in text if way == "open to all" else "belongs to another user" in text
    assert "gcc" not in text


@needs_compiler
async def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path: Path, cache: Path) -> None:
    replace_by_file(cache)
    assert (await told(tmp_path)).startswith(f"not compiled: {cache}: File exists; ")


@ON_LINUX
async def test_without_gcc_it_is_to_be_installed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await told(tmp_path) == (
        "not compiled: there is no gcc; on a CPU answers take up to twice as long; install gcc"
    )


@ON_LINUX
@pytest.mark.parametrize(
    ("script", "reason", "remedy"),
    [
        (
            "echo 'unknown processor' >&2; exit 1",
            "the compiler fails (unknown processor)",
            "mend it, or set CC to another one",
        ),
        ("exit 0", "the compiler fails (it wrote no library)", "mend it, or set CC to another one"),
        ("echo clang 17", "gcc is another compiler by that name", "install gcc, or set CC to it"),
    ],
)
def test_the_fault_of_a_compiler_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str, remedy: str
) -> None:
    monkeypatch.setenv("PATH", fake_compiler(tmp_path / "bin", script) + os.pathsep + os.environ["PATH"])
    with pytest.raises(LibraryError) as caught:
        make_library(tmp_path / "cache")
    assert (str(caught.value), caught.value.remedy) == (reason, remedy)


@needs_compiler
def test_a_compiler_that_takes_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def expire(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("gcc", 60)

    monkeypatch.setattr(compiler, "_run_compiler", expire)
    with pytest.raises(LibraryError, match="the compiler took more than 60 seconds") as caught:
        make_library(tmp_path / "cache")
    assert caught.value.remedy == "start again when the machine has less to do"


@pytest.mark.parametrize(
    ("system", "has_tools", "remedy"),
    [
        ("darwin", lambda: False, "run xcode-select --install"),
        ("darwin", lambda: True, "install torch from its wheel"),
        ("win32", lambda: False, ""),
    ],
)
def test_each_system_has_its_own_remedy(
    monkeypatch: pytest.MonkeyPatch, system: str, has_tools: Callable[[], bool], remedy: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(toolchain, "_has_command_line_tools", has_tools)
    assert toolchain.missing_toolchain()[1] == remedy
