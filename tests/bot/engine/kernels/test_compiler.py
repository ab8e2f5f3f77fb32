"""native.c becomes a library once for a machine, or torch's operators serve and nobody is the wiser."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.app.doctor import examine
from bot.config import ModelSettings
from bot.engine.interface import Request
from bot.engine.kernels import compiler
from bot.engine.kernels.compiler import compiled
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Sampling
from tests.fakes import tiny

HAS_COMPILER = sys.platform == "linux" and shutil.which("gcc") is not None
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="this machine has no gcc")


def fake_compiler(folder: Path, script: str) -> str:
    """A folder for PATH in which `gcc` does this."""
    folder.mkdir()
    file = folder / "gcc"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(folder)


@needs_compiler
def test_a_library_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled(tmp_path / "cache") is not None
    (made,) = (tmp_path / "cache").iterdir()
    before = made.stat()
    assert compiled(tmp_path / "cache") is not None
    assert [*(tmp_path / "cache").iterdir()] == [made]
    assert made.stat() == before


@needs_compiler
def test_another_processor_gets_a_library_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled(tmp_path)
    monkeypatch.setattr(compiler, "_features", lambda: b"flags: of another machine")
    compiled(tmp_path)
    assert len([*tmp_path.iterdir()]) == 2


def test_without_a_compiler_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compiled(tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only there it is tried")
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'unknown processor' >&2; exit 1", "unknown processor"),
        (
            'for out in "$@"; do [ "$before" = -o ] && echo x > "$out"; before=$out; done',
            "",
        ),
    ],
    ids=["fails", "makes rubbish"],
)
def test_a_compiler_that_does_not_serve_is_noted_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, script: str, said: str
) -> None:
    monkeypatch.setenv("PATH", fake_compiler(tmp_path / "bin", script) + os.pathsep + os.environ["PATH"])
    with caplog.at_level(logging.INFO):
        assert compiled(tmp_path / "cache") is None
    assert "those of torch serve" in caplog.text
    assert said in caplog.text


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert compiled(tmp_path / "file" / "cache") is None


def test_it_is_kept_where_a_user_keeps_such_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiler.cache() == tmp_path / "alterego"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiler.cache() == tmp_path / ".cache" / "alterego"


@needs_compiler
def test_two_processes_that_begin_at_once_make_one_whole_library(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from bot.engine.kernels.compiler import compiled\n"
        "print(compiled(pathlib.Path(sys.argv[1])) is not None)"
    )
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "cache")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [process.communicate()[0].strip() for process in begun] == ["True", "True"]
    assert len([*(tmp_path / "cache").iterdir()]) == 1


@pytest.mark.parametrize("precision", ["fp32", "bf16", "nf4"])
async def test_the_setting_leaves_the_operators_of_torch(tmp_path: Path, precision: str) -> None:
    folder = tiny.save_model(tmp_path / "tiny", head_dim=32)
    for native in (True, False):
        wanted = {"name": str(folder), "precision": precision, "context": 512, "native": native}
        async with LocalEngine(ModelSettings.model_validate(wanted), tmp_path) as engine:
            greedy = Sampling(temperature=0, max_tokens=4)
            generation = engine.generate(Request((300, 301, 302), greedy, first_deadline=300))
            assert [piece async for piece in generation]
            assert engine.loaded is not None
            assert (engine.loaded.runner.native is not None) == (native and compiled() is not None)


@pytest.mark.parametrize("native", [True, False])
async def test_the_doctor_says_what_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "config.toml").write_text(f"[model]\nnative = {str(native).lower()}\n")
    found = {each.subject: each for each in await examine(tmp_path / "config.toml")}
    assert found["native"].right
    assert ("install gcc" if native else "switched off") in found["native"].text
