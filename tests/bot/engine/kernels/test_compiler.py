"""`csrc/` is compiled once for a machine; without a compiler, torch's operators serve."""

import logging
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.app.doctor import run_checks
from bot.config import ModelSettings
from bot.engine.interface import Request
from bot.engine.kernels import compiler
from bot.engine.kernels.compiler import load_library
from bot.engine.kernels.toolchain import Toolchain, find_toolchains
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Sampling
from bot.system.user_folders import cache_folder
from tests.fakes import tiny
from tests.paths import ROOT

needs_compiler = pytest.mark.skipif(not [*find_toolchains()], reason="this machine compiles no library")


def fake_compiler(folder: Path, script: str) -> str:
    """Return a folder for PATH whose `gcc` is this script."""
    folder.mkdir()
    file = folder / "gcc"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(folder)


@pytest.fixture
def quick_gcc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let gcc, where it is, optimise nothing: what it makes is loaded here, and never computes."""
    if gcc := shutil.which("gcc"):
        folder = fake_compiler(tmp_path / "quick", f'exec "{gcc}" "$@" -O0')
        monkeypatch.setenv("PATH", folder + os.pathsep + os.environ["PATH"])


@needs_compiler
@pytest.mark.usefixtures("quick_gcc")
def test_a_library_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_library(tmp_path / "cache") is not None
    (library,) = (tmp_path / "cache").iterdir()
    before = library.stat()
    assert load_library(tmp_path / "cache") is not None
    assert [*(tmp_path / "cache").iterdir()] == [library]
    assert library.stat() == before


@needs_compiler
@pytest.mark.usefixtures("quick_gcc")
def test_another_processor_gets_a_library_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_library(tmp_path / "cache")
    monkeypatch.setattr(compiler, "cpu_features", lambda: b"flags: of another machine")
    load_library(tmp_path / "cache")
    assert len([*(tmp_path / "cache").iterdir()]) == 2


TOOLCHAIN = Toolchain(("gcc",), "gcc 12", ("-O3",), ("-lm",), ".so")


def test_a_library_depends_on_every_file_and_its_name() -> None:
    sources = dict(compiler.read_sources())
    assert {"native.c", "common.h", "decoder_layer.h", "simd.h"} <= set(sources)
    digests = {compiler._digest(sources, TOOLCHAIN)}
    for name, content in sources.items():
        digests.add(compiler._digest(sources | {name: content + b" "}, TOOLCHAIN))
        renamed = {f"{each}x" if each == name else each: sources[each] for each in sources}
        digests.add(compiler._digest(renamed, TOOLCHAIN))
    assert len(digests) == 1 + 2 * len(sources)


@pytest.mark.parametrize(
    "change",
    [
        {"command": ("ccache", "gcc")},
        {"version": "gcc 13"},
        {"flags": ("-O2",)},
        {"links": ("/torch/lib/libomp.dylib", "-lm")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_library_depends_on_the_compiler_and_what_it_is_called_with(change: dict[str, Any]) -> None:
    sources = compiler.read_sources()
    assert compiler._digest(sources, TOOLCHAIN) != compiler._digest(sources, replace(TOOLCHAIN, **change))


@needs_compiler
@pytest.mark.usefixtures("quick_gcc")
def test_a_library_is_compiled_from_a_zipped_package(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as package:
        for folder in ("bot", "bot/system", "bot/engine", "bot/engine/kernels", "bot/engine/kernels/csrc"):
            for file in (ROOT / folder).glob("*.[pch]*"):
                if file.is_file():
                    package.write(file, file.relative_to(ROOT))
    code = (
        "import sys, pathlib; from bot.engine.kernels import compiler\n"
        "assert 'package.zip' in compiler.__file__\n"
        "print(compiler.load_library(pathlib.Path(sys.argv[1])) is not None)"
    )
    command = [sys.executable, "-P", "-c", code, str(tmp_path / "cache")]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "package.zip")}
    found = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"


def test_there_is_no_library_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert load_library(tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only there it is tried")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'unknown processor' >&2; exit 1", "unknown processor"),
        (
            'for out in "$@"; do [ "$before" = -o ] && echo x > "$out"; before=$out; done',
            "",
        ),
    ],
    ids=["fails", "writes no library"],
)
def test_a_compiler_that_fails_is_logged_and_torch_serves(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    script: str,
    reason: str,
) -> None:
    monkeypatch.setenv("PATH", fake_compiler(tmp_path / "bin", script) + os.pathsep + os.environ["PATH"])
    with caplog.at_level(logging.INFO):
        assert load_library(tmp_path / "cache") is None
    assert [record.message for record in caplog.records] == ["native_operations_unavailable"]
    assert reason in vars(caplog.records[0])["reason"]


def test_there_is_no_library_in_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert load_library(tmp_path / "file" / "cache") is None


def test_libraries_are_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "alterego"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "alterego"


@needs_compiler
@pytest.mark.usefixtures("quick_gcc")
def test_two_processes_at_once_compile_one_whole_library(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from bot.engine.kernels.compiler import load_library\n"
        "print(load_library(pathlib.Path(sys.argv[1])) is not None)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "cache")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [process.communicate()[0].strip() for process in processes] == ["True", "True"]
    assert len([*(tmp_path / "cache").iterdir()]) == 1


@pytest.mark.parametrize("precision", ["fp32", "bf16", "nf4"])
async def test_the_setting_native_false_keeps_the_operators_of_torch(tmp_path: Path, precision: str) -> None:
    folder = tiny.save_model(tmp_path / "tiny", head_dim=32)
    for native in (True, False):
        wanted = {"name": str(folder), "precision": precision, "context": 512, "native": native}
        async with LocalEngine(ModelSettings.model_validate(wanted), tmp_path) as engine:
            greedy = Sampling(temperature=0, max_tokens=4)
            generation = engine.generate(Request((300, 301, 302), greedy, first_deadline=300))
            assert [piece async for piece in generation]
            assert engine.loaded is not None
            assert (engine.loaded.runner.native is not None) == (native and load_library() is not None)


@pytest.mark.parametrize("native", [True, False])
async def test_doctor_reports_the_native_operations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "config.toml").write_text(f"[model]\nnative = {str(native).lower()}\n")
    found = {each.subject: each for each in await run_checks(tmp_path / "config.toml")}
    assert found["native"].right
    assert ("install gcc" if native else "switched off") in found["native"].text


@pytest.mark.parametrize(
    ("named", "home", "where"),
    [
        ("relative", "{home}", "{home}/.cache/alterego"),
        ("", "{home}", "{home}/.cache/alterego"),
        ("{home}/other", "{home}", "{home}/other/alterego"),
    ],
)
def test_a_relative_cache_folder_is_ignored(tmp_path: Path, named: str, home: str, where: str) -> None:
    given = {"XDG_CACHE_HOME": named.format(home=tmp_path), "HOME": home.format(home=tmp_path)}
    assert cache_folder(given) == Path(where.format(home=tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="there LOCALAPPDATA names it")
@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_in_the_environment_the_accounts_own_is_taken(home: str) -> None:
    import pwd

    account = pwd.getpwuid(os.geteuid()).pw_dir
    assert cache_folder({"HOME": home}) == Path(account) / ".cache/alterego"


@needs_compiler
@pytest.mark.usefixtures("quick_gcc")
@pytest.mark.parametrize("size", [pytest.param(0, marks=pytest.mark.slow), 5000])
def test_a_truncated_library_is_compiled_anew(tmp_path: Path, size: int) -> None:
    code = f"""
import os, pathlib
from bot.engine.kernels.compiler import load_library
folder = pathlib.Path({str(tmp_path / "cache")!r})
if found := [*folder.glob("native-*")]:
    os.truncate(found[0], {size})
print(load_library(folder) is not None)
"""
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "True\n"
